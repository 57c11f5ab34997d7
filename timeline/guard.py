"""The one door for JSON from outside: what is not plain, bounded, unambiguous JSON stops here."""

import json
from typing import Any, Never, NoReturn, Protocol

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_NODES = 2_000
MAX_KEY = 128
MAX_STRING = 4_096
MAX_INTEGER = 2**53 - 1

_BOM = b"\xef\xbb\xbf"
_LONGEST_INTEGER = len(str(-MAX_INTEGER))
_LONGEST_PATH = 200


class Request(Protocol):
    """What the guard needs of an HTTP request."""

    @property
    def body(self) -> bytes: ...

    @property
    def headers(self) -> Any: ...


class Refused(Exception):
    """Input that may not come in: the HTTP status, a stable code, and where it is wrong."""

    def __init__(self, status: int, code: str, message: str, path: str = "body") -> None:
        super().__init__(f"{path}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.path = path


def read_json(
    source: Request | bytes,
    content_type: str | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    max_nodes: int = MAX_NODES,
) -> dict[str, Any]:
    """The JSON object in a request or in bytes, or `Refused` with the path of the fault."""
    if isinstance(source, bytes):
        data = source
    else:
        content_type = content_type or source.headers.get("Content-Type", "")
        _check_announced_length(source.headers.get("Content-Length"), max_bytes)
        data = source.body
    if content_type is not None:
        _check_content_type(content_type)
    if len(data) > max_bytes:
        _refuse_size(max_bytes)
    return _Walk(max_nodes).top(_parse(_text(data)))


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() != "application/json":
        raise Refused(
            415,
            "unsupported_media_type",
            "the body must be application/json",
            "header.content-type",
        )
    charset = parameters.strip().lower().replace('"', "")
    if charset not in ("", "charset=utf-8", "charset=utf8"):
        raise Refused(
            415, "unsupported_media_type", "the body must be UTF-8", "header.content-type"
        )


def _check_announced_length(announced: str | None, max_bytes: int) -> None:
    # Asked before the body is read, so that an oversized one is never held in memory.
    if announced and announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes:
        _refuse_size(max_bytes)


def _refuse_size(max_bytes: int) -> NoReturn:
    raise Refused(413, "body_too_large", f"the body is larger than {max_bytes} bytes")


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


def _integer(digits: str) -> int | _Bad:
    # Measured before it is converted: a number of a million digits costs nothing.
    if len(digits) <= _LONGEST_INTEGER and abs(value := int(digits)) <= MAX_INTEGER:
        return value
    return _Bad("integers must lie within ±(2^53 - 1)")


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_integer,
            parse_float=lambda _: _Bad("fractions are not allowed; use an integer or a string"),
            parse_constant=lambda name: _Bad(f"{name} is not JSON"),
        )
    except RecursionError:
        _invalid("body", f"nested deeper than {MAX_DEPTH}")
    except json.JSONDecodeError as error:
        raise Refused(
            422, "malformed_json", f"{error.msg} at line {error.lineno}, column {error.colno}"
        ) from None


class _Walk:
    """Turns parsed pairs into plain values, checking each one and remembering the way to it."""

    def __init__(self, max_nodes: int) -> None:
        self.left = max_nodes

    def top(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, _Pairs):
            _invalid("body", "the body must be a JSON object")
        return self._object(value, "", 1)

    def _value(self, value: Any, path: str, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            _invalid(path, "too many values")
        match value:
            case _Pairs():
                return self._object(value, path, depth + 1)
            case list():
                return self._list(value, path, depth + 1)
            case str():
                _check_string(value, path, MAX_STRING)
            case _Bad():
                _invalid(path, value.message)
        return value

    def _object(self, pairs: _Pairs, path: str, depth: int) -> dict[str, Any]:
        _check_depth(path, depth)
        found: dict[str, Any] = {}
        for key, value in pairs:
            inner = f"{path}.{key}" if path else key
            _check_string(key, inner, MAX_KEY)
            if key in found:
                _invalid(inner, "the key appears twice")
            found[key] = self._value(value, inner, depth)
        return found

    def _list(self, values: list[Any], path: str, depth: int) -> list[Any]:
        _check_depth(path, depth)
        return [self._value(value, f"{path}[{n}]", depth) for n, value in enumerate(values)]


def _check_depth(path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        _invalid(path, f"nested deeper than {MAX_DEPTH}")


def _check_string(text: str, path: str, longest: int) -> None:
    if len(text) > longest:
        _invalid(path, f"longer than {longest} characters")
    if "\x00" in text:
        _invalid(path, "the character U+0000 is not allowed")
    # A lone surrogate is text that no database and no UTF-8 answer can hold.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        _invalid(path, "a lone surrogate is not text")


def _invalid(path: str, message: str) -> Never:
    raise Refused(422, "invalid_input", message, printable(path))


def printable(path: str) -> str:
    """A path fit for an answer: bounded, and without the characters that were refused."""
    safe = path[:_LONGEST_PATH].encode("utf-8", "backslashreplace").decode("utf-8")
    return safe.replace("\x00", "\\u0000") or "body"
