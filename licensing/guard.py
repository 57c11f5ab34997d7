"""The one door for text from outside: what is not plain, bounded, unambiguous JSON stops here.

Bodies of the API, fields of forms, lines of imports and files of rules all come through it. It
knows nothing of HTTP: who received the bytes says what kind they were and which answer a refusal
gets.
"""

import json
from collections.abc import Iterable
from typing import Any, Never

import msgspec

MAX_DEPTH = 32
MAX_KEY = 128
MAX_INTEGER = 2**53 - 1

_BOM = b"\xef\xbb\xbf"
_LONGEST_INTEGER = len(str(-MAX_INTEGER))
_LONGEST_PATH = 200


class Bounds(msgspec.Struct, frozen=True):
    """How large something may be: in bytes as it came, in values, in characters of one text."""

    size: int
    nodes: int
    text: int


REQUEST = Bounds(64 * 1024, 2_000, 4_096)
RULES = Bounds(5 * 1024 * 1024, 500_000, 4_096)
LINE = Bounds(8 * 1024 * 1024, 500_000, 64 * 1024)
"""A line of an import: a rule set once published, an event with its decision and sealed text."""
FORM = Bounds(2 * 1024 * 1024, 5_000, 1024 * 1024)
"""The fields of a form; the largest is a block of cells that somebody pasted."""


class Refused(Exception):
    """Input that may not come in: a stable code, what is wrong, and the path to where it is.

    `code` is "body_too_large", "malformed_json" or "invalid_input".
    """

    def __init__(self, code: str, message: str, path: str = "body") -> None:
        super().__init__(f"{path}: {message}")
        self.code = code
        self.message = message
        self.path = path


def read_json(data: bytes, bounds: Bounds = REQUEST) -> dict[str, Any]:
    """The JSON object in some bytes; raises Refused with the path of the fault."""
    check_size(len(data), bounds)
    return _Walk(bounds).top(_parse(_text(data)))


def check(value: dict[str, Any], bounds: Bounds = REQUEST) -> None:
    """Refuses what a door with other bounds let in."""
    _Walk(bounds).top(value)


def check_fields(fields: Iterable[tuple[str, Iterable[str]]], bounds: Bounds = FORM) -> None:
    """Refuses names and texts, as forms send them, that are too many, too long or no text."""
    left, size = bounds.nodes, bounds.size
    for name, texts in fields:
        try:
            _check_text(name, MAX_KEY)
            for text in texts:
                left, size = left - 1, size - len(text)
                if left < 0 or size < 0:
                    raise Refused("body_too_large", "more than is let in", printable(name))
                _check_text(text, bounds.text)
        except _Fault as fault:
            _invalid(name, fault.message)


def check_size(size: int, bounds: Bounds) -> None:
    """Refuses a size in bytes, perhaps as announced, before anything is read."""
    if size > bounds.size:
        raise Refused("body_too_large", f"the body is larger than {bounds.size} bytes")


def _text(data: bytes) -> str:
    if data.startswith(_BOM):
        _invalid("body", "a byte order mark is not allowed")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        _invalid("body", f"not UTF-8 at byte {error.start}")


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, so that a repeated key can still be seen."""


class _Bad:
    """Stands for a value that JSON readers disagree about; the walk reports it with its path."""

    def __init__(self, message: str) -> None:
        self.message = message


_FRACTION = _Bad("fractions are not allowed; use an integer or a string")
_LARGE = _Bad("integers must lie within ±(2^53 - 1)")


def _integer(digits: str) -> int | _Bad:
    # Measured before it is converted: a number of a million digits costs nothing.
    if len(digits) <= _LONGEST_INTEGER and abs(value := int(digits)) <= MAX_INTEGER:
        return value
    return _LARGE


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_integer,
            parse_float=lambda _: _FRACTION,
            parse_constant=lambda name: _Bad(f"{name} is not JSON"),
        )
    except RecursionError:
        _invalid("body", f"nested deeper than {MAX_DEPTH}")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused("malformed_json", f"{error.msg} at {place}") from None


class _Fault(Exception):
    """What is wrong with a value; each level adds its step on the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[str | int] = []

    @property
    def path(self) -> str:
        found = ""
        for step in reversed(self.steps):
            found += f"[{step}]" if isinstance(step, int) else f".{step}" if found else step
        return found


class _Walk:
    """Turns parsed pairs into plain values and checks each one."""

    def __init__(self, bounds: Bounds) -> None:
        self.left = bounds.nodes
        self.longest = bounds.text

    def top(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, _Pairs | dict):
            _invalid("body", "the body must be a JSON object")
        try:
            return self._object(value, 1)
        except _Fault as fault:
            _invalid(fault.path, fault.message)

    def _value(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise _Fault("too many values")
        if isinstance(value, str):
            _check_text(value, self.longest)
        elif isinstance(value, _Pairs | dict):
            return self._object(value, depth + 1)
        elif isinstance(value, list):
            return self._list(value, depth + 1)
        elif isinstance(value, _Bad):
            raise _Fault(value.message)
        return value

    def _object(self, pairs: _Pairs | dict[str, Any], depth: int) -> dict[str, Any]:
        _check_depth(depth)
        found: dict[str, Any] = {}
        key = ""
        try:
            for key, value in pairs.items() if isinstance(pairs, dict) else pairs:
                _check_text(key, MAX_KEY)
                if key in found:
                    raise _Fault("the key appears twice")
                found[key] = self._value(value, depth)
        except _Fault as fault:
            fault.steps.append(key)
            raise
        return found

    def _list(self, values: list[Any], depth: int) -> list[Any]:
        _check_depth(depth)
        found: list[Any] = []
        try:
            for value in values:
                found.append(self._value(value, depth))
        except _Fault as fault:
            fault.steps.append(len(found))
            raise
        return found


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Fault(f"nested deeper than {MAX_DEPTH}")


def _check_text(text: str, longest: int) -> None:
    if len(text) > longest:
        raise _Fault(f"longer than {longest} characters")
    if "\x00" in text:
        raise _Fault("the character U+0000 is not allowed")
    # A lone surrogate is text that no database and no UTF-8 answer can hold.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Fault("a lone surrogate is not text")


def _invalid(path: str, message: str) -> Never:
    raise Refused("invalid_input", message, printable(path))


def printable(path: str) -> str:
    """A path fit for an answer: bounded, and without the characters that were refused."""
    safe = path[:_LONGEST_PATH].encode("utf-8", "backslashreplace").decode("utf-8")
    return safe.replace("\x00", "\\u0000") or "body"
