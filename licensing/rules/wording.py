"""Cells in words, and back: what people read in a grid, type or paste into it, and keep in sheets.

`any` · `nothing` · `basic, premium` · `not JP, KR` · `in EEA` (a list) · `≥ 16` · `12 to 48` ·
`given` · `not given`; several conditions are joined by `;`. A value that would be taken for
something else stands in double quotes, as in JSON.
"""

import json
import re
from collections.abc import Iterator

from licensing.rules.facts import Type
from licensing.rules.tables import ANYTHING, Cell, Scalar

ANY, NOTHING = "any", "nothing"
LONGEST = 4_000  # characters of one cell
_TRUE, _FALSE = ("yes", "true"), ("no", "false")
_RESERVED = re.compile(
    r"any|nothing|\*|given|not given|(?:not|in)\s.*|[<>≥≤=].*|[-+]?\d+\s+to\s+[-+]?\d+"
    r"|at (?:least|most) .*",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([^,;"]*))\s*([,;]|$)', re.DOTALL)
_BOUND = re.compile(r"(>=|<=|≥|≤|>|<|at least|at most)\s*([-+]?\d+)", re.IGNORECASE)
_RANGE = re.compile(r"([-+]?\d+)\s*(?:to|–|\.\.)\s*([-+]?\d+)", re.IGNORECASE)
_NAMES = {">=": "ge", "≥": "ge", "at least": "ge", "<=": "le", "≤": "le", "at most": "le"}
_NAMES |= {">": "gt", "<": "lt"}
_WHOLE = re.compile(r"[-+]?\d{1,15}")


class Unreadable(ValueError):
    """The text says no cell; the message tells why in words fit for the one who typed it."""


def said(cell: Cell) -> str:
    """The cell in words."""
    return "; ".join(_parts(cell)) or ANY


def scalar(value: Scalar) -> str:
    """One value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _parts(cell: Cell) -> Iterator[str]:
    if cell.is_null is not None:
        yield "not given" if cell.is_null else "given"
    if cell.in_ is not None:
        yield _values(cell.in_)
    if cell.list is not None:
        yield f"in {quoted(cell.list)}"
    if cell.not_in is not None:
        yield f"not {_values(cell.not_in)}"
    if cell.ge is not None and cell.le is not None:
        yield f"{cell.ge} to {cell.le}"
    else:
        yield from (f"≥ {cell.ge}" for _ in [0] if cell.ge is not None)
        yield from (f"≤ {cell.le}" for _ in [0] if cell.le is not None)
    if cell.gt is not None:
        yield f"> {cell.gt}"
    if cell.lt is not None:
        yield f"< {cell.lt}"


def _values(values: tuple[Scalar, ...]) -> str:
    told = [quoted(value) if isinstance(value, str) else scalar(value) for value in values]
    return ", ".join(told) or NOTHING  # a cell that is one of no values matches nothing


def quoted(text: str) -> str:
    """A value as it stands in a cell, in quotes where it would be taken for something else."""
    plain = bool(text) and text == text.strip() and not set('",;') & set(text)
    return text if plain and not _RESERVED.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def read(text: str, kind: Type | None = None) -> Cell:
    """The cell that a text says about a fact of a type; without one, about a text.

    Raises Unreadable.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"This is longer than {LONGEST:,} characters.")
    text = text.strip()
    if text.lower() in ("", ANY, "*"):
        return ANYTHING
    found: dict[str, object] = {}
    for tokens in _conditions(text):
        for name, value in _condition(tokens, kind or "string").items():
            if name in found:
                raise Unreadable("This says the same thing twice.")
            found[name] = value
    return Cell(**found)  # type: ignore[arg-type]


Token = tuple[str, bool]
"""A text, and whether it stood in quotes."""


def _conditions(text: str) -> Iterator[list[Token]]:
    tokens: list[Token] = []
    place = 0
    while place <= len(text):
        found = _TOKEN.match(text, place)
        prefix = re.match(r"\s*(not|in)\s+(?=\")", text[place:], re.IGNORECASE)
        if prefix and not tokens:
            tokens.append((prefix[1].lower() + " ", False))
            place += prefix.end()
            continue
        if found is None:
            raise Unreadable("A quotation mark is missing, or stands where none can.")
        quoted, bare, end = found.groups()
        if quoted is not None:
            tokens.append((_unquoted(quoted), True))
        else:
            tokens.append((bare.strip(), False))
        if end != ",":
            yield tokens
            tokens = []
        if not end:
            return
        place = found.end()


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        raise Unreadable(f"{text} is not rightly quoted.") from None


def _condition(tokens: list[Token], kind: Type) -> dict[str, object]:
    first, quoted = tokens[0]
    lower = first.lower()
    if len(tokens) == 1 and not quoted:
        if lower in ("given", "not given"):
            return {"is_null": lower == "not given"}
        if bound := _BOUND.fullmatch(first):
            return _bounds(kind, {_NAMES[bound[1].lower()]: int(bound[2])})
        if (between := _RANGE.fullmatch(first)) and kind == "integer":
            low, high = int(between[1]), int(between[2])
            if low > high:
                raise Unreadable(f"{low} to {high} holds nothing: the smaller number comes first.")
            return _bounds(kind, {"ge": low, "le": high})
        if lower.startswith("in "):
            return {"list": first[3:].strip()}
    if not quoted and lower in ("in ", "not "):  # what follows stands in quotes
        rest = tokens[1:]
        if lower == "in ":
            return {"list": rest[0][0]}
        return {"not_in": _all(rest, kind)}
    if not quoted and lower.startswith("not "):
        rest = [(first[4:].strip(), False), *tokens[1:]]
        return {"not_in": _all(rest, kind)}
    return {"in_": _all(tokens, kind)}


def _all(tokens: list[Token], kind: Type) -> tuple[Scalar, ...]:
    if tokens == [(NOTHING, False)]:
        return ()
    return tuple(_value(*token, kind) for token in tokens)


def _bounds(kind: Type, bounds: dict[str, object]) -> dict[str, object]:
    if kind != "integer":
        raise Unreadable("Only numbers have bounds.")
    return bounds


def _value(text: str, quoted: bool, kind: Type) -> Scalar:
    if kind == "string":
        if not text and not quoted:
            raise Unreadable("There is nothing between two commas.")
        return text
    if kind == "boolean" and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    if kind == "integer" and _WHOLE.fullmatch(text):
        return int(text)
    wanted = "yes or no" if kind == "boolean" else "a whole number"
    raise Unreadable(f"“{text[:40]}” is not {wanted}.")


def read_scalar(text: str, kind: Type) -> Scalar | None:
    """One value that a text says, or None for an empty one. Raises Unreadable."""
    text = text.strip()
    return None if text == "" else _value(text, False, kind)
