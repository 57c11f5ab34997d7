"""Static files under names that change with their content, the modules' imports included."""

from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

OURS = "js/"
"""The folder of our own modules, in which no text goes over the end of a line."""


def lean(source: str) -> str:
    """A module as browsers need it: without lines of comment, and not indented."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # comes untyped
    """As whitenoise keeps them, with imports between ES modules led to those names too."""

    support_js_module_import_aggregation = True
    max_post_process_passes = 10  # a module is named after all that it imports are

    def _save(self, name: str, content: Any) -> str:
        path = name.replace("\\", "/")
        if path.startswith(OURS) and path.endswith(".js"):
            whole = b"".join(content.chunks())  # wherever somebody has read it to
            content = ContentFile(lean(whole.decode()).encode())
        saved: str = super()._save(name, content)
        return saved
