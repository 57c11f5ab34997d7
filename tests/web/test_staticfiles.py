"""What is served of the static files: small, whole, and still the modules that were written."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from timeline.staticfiles import lean

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "static" / "js").rglob("*.js"))
LATER = ("copy.", "play.", "live.")  # come with the first press of their buttons
TEXT = re.compile(r"`(?:[^`\\]|\\.)*`")
NAMED = re.compile(r"""\{% static ["']([^"']+)["']""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    with override_settings(
        STATIC_ROOT=str(folder),
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "timeline.staticfiles.Storage"},
        },
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def test_every_file_that_a_page_names_is_there() -> None:
    """The tests' storage answers with an address for any name; the product's fails the page."""
    named = {
        (path.relative_to(ROOT), name)
        for path in (ROOT / "templates").rglob("*.html")
        for name in NAMED.findall(path.read_text())
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if finders.find(each[1]) is None] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_text_of_a_module_goes_over_a_line(module: Path) -> None:
    """Or leaving the indentation away would change it."""
    source = re.sub(r"^\s*//.*$", "", module.read_text(), flags=re.MULTILINE)
    assert [text for text in TEXT.findall(source) if "\n" in text] == []
    notes = re.findall(r"/\*.*?\*/", source, flags=re.DOTALL)
    assert [note for note in notes if "\n" in note] == []


def test_comments_stay_here(collected: Path) -> None:
    served = list((collected / "js").rglob("*.js"))
    assert len(served) >= 2 * len(MODULES)  # by its own name and by that of its content
    for path in served:
        assert path.stat().st_size, path
        lines = path.read_text().splitlines()
        assert lines == [line.strip() for line in lines if line.strip()], path
        assert not any(line.startswith("//") for line in lines), path


def test_a_script_is_led_from_module_to_module_by_names_of_contents(collected: Path) -> None:
    (start,) = (collected / "js").glob("scrub.????????????.js")
    seen, left = set(), [start]
    while left:
        path = left.pop()
        seen.add(path)
        for name in re.findall(r"""(?:from|import) ?\(?["'](\./[^"']+)""", path.read_text()):
            target = (path.parent / name).resolve()
            assert re.search(r"\.[0-9a-f]{12}\.js$", target.name), target
            assert target.exists()
            left += [target] if target not in seen else []
    assert len(seen) == 1 + len(list((ROOT / "static" / "js" / "scrub").glob("*.js")))


def test_what_is_left_of_a_module_is_the_same_program(tmp_path: Path) -> None:
    source = "// about\nexport const a = 1;\n\n  // more\n  const b = 'http://x'; // end\n"
    assert lean(source) == "export const a = 1;\nconst b = 'http://x'; // end\n"
    if node := shutil.which("node"):
        for module in MODULES:
            copy = tmp_path / f"{module.stem}.mjs"
            copy.write_text(lean(module.read_text()))
            subprocess.run([node, "--check", str(copy)], check=True, capture_output=True)


def test_the_timeline_weighs_what_was_promised(collected: Path) -> None:
    """Kilobytes of 1,000 bytes, as they are sent."""
    own = [*(collected / "js").glob("frame.????????????.js.gz")]
    own += (collected / "js").glob("scrub.????????????.js.gz")
    own += (collected / "js" / "scrub").glob("*.????????????.js.gz")
    own = [path for path in own if not path.name.startswith(LATER)]
    htmx = [*(collected / "vendor" / "htmx").glob("htmx.min.????????????.js.gz")]
    assert len(htmx) == 1
    assert sum(path.stat().st_size for path in [*own, *htmx]) <= 25_000
    names = ("tokens", "base", "app", "access", "actions")
    styles = [
        path for name in names for path in (collected / "css").glob(f"{name}.????????????.css.gz")
    ]
    assert len(styles) == len(names)
    assert sum(path.stat().st_size for path in styles) <= 20_000
    assert gzip.decompress(own[0].read_bytes())
