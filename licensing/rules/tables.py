"""Decision tables as typed values: cells, rows and tables, and which rows match which facts."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Scalar = str | int | bool


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"in_": "in"}):
    """One condition on one fact; all that are given must hold. An empty cell matches anything."""

    in_: tuple[Scalar, ...] | None = None
    not_in: tuple[Scalar, ...] | None = None
    list: str | None = None
    ge: int | None = None
    gt: int | None = None
    le: int | None = None
    lt: int | None = None
    is_null: bool | None = None


class Row(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True,
    rename={"valid_from": "from", "valid_to": "to"},
):  # fmt: skip
    """One rule. `id` is stable for ever; `valid_from` is inclusive, `valid_to` exclusive."""

    id: str
    when: dict[str, Cell]
    then: dict[str, Scalar]
    label: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    reason: str | None = None
    source: str | None = None
    owner: str | None = None


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A base table (hit `unique`) grants; a restriction table (hit `collect`) only tightens."""

    id: str
    title: str
    hit: Literal["unique", "collect"]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: tuple[Row, ...]
    merge: dict[str, Literal["min", "and"]] = {}


def cell_holds(cell: Cell, value: Any, lists: dict[str, tuple[Scalar, ...]]) -> bool:
    """Whether `value` satisfies the cell. Null satisfies only an empty cell and `is_null`."""
    if cell.is_null is not None and (value is None) is not cell.is_null:
        return False
    if value is None:
        return cell.is_null is True or cell == ANYTHING
    members = cell.in_ if cell.list is None else lists[cell.list]
    if members is not None and value not in members:
        return False
    if cell.not_in is not None and value in cell.not_in:
        return False
    return _within(cell, value)


def _within(cell: Cell, value: Any) -> bool:
    bounds = (cell.ge, cell.gt, cell.le, cell.lt)
    if bounds == (None, None, None, None):
        return True
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return (
        (cell.ge is None or value >= cell.ge)
        and (cell.gt is None or value > cell.gt)
        and (cell.le is None or value <= cell.le)
        and (cell.lt is None or value < cell.lt)
    )


ANYTHING = Cell()


def row_matches(
    row: Row, facts: dict[str, Any], at: datetime, lists: dict[str, tuple[Scalar, ...]]
) -> bool:
    """Whether the row is valid at `at` and each of its cells holds."""
    if row.valid_from is not None and at < row.valid_from:
        return False
    if row.valid_to is not None and at >= row.valid_to:
        return False
    return all(cell_holds(cell, facts.get(name), lists) for name, cell in row.when.items())
