"""A workbook from outside is looked at before anything unpacks or parses it."""

import io
import zipfile

import pytest

from timeline import spreadsheets
from timeline.spreadsheets import Unopened

WHOLE = spreadsheets.to_xlsx({"base": [["row"], ["b-basic"]]})
DTD = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "%s">]><a>&b;</a>'


def changed(**parts: bytes) -> bytes:
    """The workbook with these parts put in place or added; `/` is written `__`."""
    named = {name.replace("__", "/"): content for name, content in parts.items()}
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(WHOLE)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            new.writestr(part.filename, named.pop(part.filename, old.read(part)))
        for name, content in named.items():
            new.writestr(name, content)
    return out.getvalue()


def test_the_workbook_itself_is_taken() -> None:
    assert spreadsheets.from_xlsx(changed()) == {"base": [["row"], ["b-basic"]]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(xl__media__zeros=bytes(spreadsheets.UNPACKED)), "unpacks to more"),
        (changed(**{f"p{n}": b"" for n in range(spreadsheets.MOST_PARTS)}), "unpacks to more"),
        (changed(**{"xl__workbook.xml": (DTD % "x").encode()}), "entities"),
        (changed(**{"xl__workbook.xml": (DTD % "x").encode("utf-16")}), "entities"),
        (changed(**{"xl__workbook.xml": b"<a"}), "no workbook"),
        (WHOLE[: len(WHOLE) // 2], "no workbook"),
        (b"PK" + bytes(spreadsheets.LARGEST), "5 MB"),
    ],
    ids=["a bomb", "many parts", "a DTD", "a DTD in UTF-16", "no XML", "half of it", "large"],
)
def test_what_would_harm_is_not_unpacked(content: bytes, words: str) -> None:
    with pytest.raises(Unopened, match=words):
        spreadsheets.from_xlsx(content)
