"""What a step of the timeline costs the server, and how much a page weighs, at any history size.

    python -m benchmarks.pages [--steps 150]

Starts a PostgreSQL of its own. A step is one request for the panel, through every middleware, with
its session, its sign-in and its note in the audit trail. `cpu` is what the process itself worked:
on a shared machine it says more than the clock on the wall.
"""

import argparse
import gzip
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.run import build, product, publish, say

SIZES = (100, 10_000, 100_000)
PANEL = {"HX-Request": "true", "HX-Target": "section#panel"}
STYLES = re.compile(rb'<link rel="stylesheet" href="/static/([^"]+)"(?! media="print")>')
SCRIPTS = re.compile(rb'<script src="/static/([^"]+)"')
IMPORTS = re.compile(r"""(?:from|import) ?["'](\./[\w./]+)["']""")


def client() -> Any:
    """A browser's requests, signed in as an agent."""
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.test import Client

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    user = User.objects.create_user("bench")
    user.groups.set([Group.objects.get_or_create(name="agent")[0]])
    found = Client()
    found.force_login(user)
    return found


def steps(asking: Any, member: str, events: int, count: int) -> dict[str, list[float]]:
    """Milliseconds of so many steps, half in a drag and half anywhere."""
    chance = random.Random(7)  # noqa: S311  # the same steps in every run
    found: dict[str, list[float]] = {"wall": [], "cpu": []}
    versions = [chance.randrange(1, events) for _ in range(count // 2)]
    start = chance.randrange(1, max(2, events - count))
    versions += [min(start + n, events) for n in range(count - len(versions))]
    for version in versions:
        url = f"/members/{member}/timeline/{version}/"
        begin, worked = time.perf_counter(), time.process_time()
        answer = asking.get(url, headers=PANEL)
        found["cpu"].append((time.process_time() - worked) * 1e3)
        found["wall"].append((time.perf_counter() - begin) * 1e3)
        assert answer.status_code == 200, url
        assert b'id="panel-in"' in answer.content, url
    return found


def percentile(values: list[float], share: int) -> float:
    """A percentile of many values, with one digit."""
    return round(statistics.quantiles(values, n=100)[share - 1], 1)


def weight(html: bytes) -> dict[str, float]:
    """Kilobytes of 1,000 bytes, gzipped: the page, its index, its styles and scripts."""
    before, mark, rest = html.partition(b'<script id="scrub-index"')
    index, _, after = rest.partition(b"</script>")
    scripts: list[str] = []
    for name in SCRIPTS.findall(html):
        _with_imports(name.decode(), scripts)
    return {
        "html_kb": _kb(len(gzip.compress(before + after, 6))),
        "index_kb": _kb(len(gzip.compress(mark + index, 6))),
        "css_kb": _kb(sum(_sent(name.decode()) for name in STYLES.findall(html))),
        "js_kb": _kb(sum(_sent(name) for name in scripts)),
    }


def _with_imports(script: str, found: list[str]) -> None:
    """Add a module and those that are loaded with it; not what it may import later."""
    if script in found:
        return
    found.append(script)
    folder = Path(script).parent
    for name in IMPORTS.findall(_collected(script).read_text()):
        _with_imports(os.path.normpath(folder / name), found)


def _sent(name: str) -> int:
    return _collected(f"{name}.gz").stat().st_size


def _collected(name: str) -> Path:
    from django.conf import settings

    return Path(settings.STATIC_ROOT) / name


def _kb(size: int) -> float:
    return round(size / 1000, 1)


def measure(count: int) -> None:
    """A line for each size: a step once the history was read, the first one, and the page."""
    import django

    django.setup()
    publish()
    from timeline import pasts

    asking = client()
    for size in SIZES:
        member = build(size)
        asking.get(f"/members/{member}/timeline/", headers=PANEL)
        taken = steps(asking, member, size, count)
        figures = {
            f"{name}_p{share}": percentile(values, share)
            for name, values in taken.items()
            for share in (50, 95)
        }
        pasts.forget(member)
        begin = time.perf_counter()
        asking.get(f"/members/{member}/timeline/{size // 2}/", headers=PANEL)
        first = round((time.perf_counter() - begin) * 1e3)
        say(f"a step of {size:,} events, ms", **figures, first=first)
        html = asking.get(f"/members/{member}/timeline/{size // 2}/").content
        say(f"the page of {size:,} events, gzipped", **weight(html))


def main() -> None:
    """Measures everything, two lines for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        Path(folder).chmod(0o755)
        with product(Path(folder)) as environment:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
                env=environment, check=True,
            )  # fmt: skip
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
                env=environment, check=True,
            )  # fmt: skip
            say(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            measure(options.steps)


if __name__ == "__main__":
    main()
