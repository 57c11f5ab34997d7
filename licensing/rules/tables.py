"""Decision tables as typed values: cells, rows and tables, and which rows match which facts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import count
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

    def named(self, lists: Mapping[str, tuple[Scalar, ...]]) -> tuple[Scalar, ...]:
        """The values that the cell names one by one."""
        listed = lists.get(self.list, ()) if self.list is not None else ()
        return (*(self.in_ or ()), *(self.not_in or ()), *listed)

    @property
    def only_names(self) -> bool:
        """Whether the cell is satisfied by exactly the values that it names."""
        return self != ANYTHING and self in (Cell(in_=self.in_), Cell(list=self.list))

    def values(self, lists: Mapping[str, tuple[Scalar, ...]]) -> tuple[Scalar, ...]:
        """Every value that the cell compares with."""
        bounds = [value for value in (self.ge, self.gt, self.le, self.lt) if value is not None]
        return (*self.named(lists), *bounds)

    def cuts(self) -> tuple[int, ...]:
        """The integers at which a bound begins or ceases to hold."""
        here = [bound for bound in (self.ge, self.lt) if bound is not None]
        after = [bound + 1 for bound in (self.gt, self.le) if bound is not None]
        return (*here, *after)


class Row(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True,
    rename={"valid_from": "from", "valid_to": "to"},
):  # fmt: skip
    """One rule. `id` is stable for ever; `valid_from` is inclusive, `valid_to` exclusive.

    A disabled row stays in its place and decides nothing.
    """

    id: str
    when: dict[str, Cell]
    then: dict[str, Scalar]
    label: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    reason: str | None = None
    source: str | None = None
    owner: str | None = None
    disabled: bool = False

    def valid_at(self, at: datetime) -> bool:
        """Whether the row's dates let it hold at an instant."""
        if self.valid_from is not None and at < self.valid_from:
            return False
        return self.valid_to is None or at < self.valid_to


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A base table (hit `unique`) grants; a restriction table (hit `collect`) only tightens."""

    id: str
    title: str
    hit: Literal["unique", "collect"]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: tuple[Row, ...]
    merge: dict[str, Literal["min", "and"]] = {}

    @property
    def enabled(self) -> tuple[Row, ...]:
        """The rows that decide."""
        return tuple(row for row in self.rows if not row.disabled)


def cell_holds(cell: Cell, value: Any, lists: Mapping[str, tuple[Scalar, ...]]) -> bool:
    """Whether `value` satisfies the cell. Null satisfies only an empty cell and `is_null`."""
    if cell.is_null is not None and (value is None) is not cell.is_null:
        return False
    if value is None:
        return cell.is_null is True or cell == ANYTHING
    if cell.in_ is not None and not _among(value, cell.in_):
        return False
    if cell.list is not None and not _among(value, lists[cell.list]):
        return False
    if cell.not_in is not None and _among(value, cell.not_in):
        return False
    return _within(cell, value)


def _among(value: Any, members: tuple[Scalar, ...]) -> bool:
    # True is no 1: a value is only what has its type too.
    return any(value == member and type(value) is type(member) for member in members)


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
    row: Row, facts: dict[str, Any], at: datetime, lists: Mapping[str, tuple[Scalar, ...]]
) -> bool:
    """Whether the row is enabled, valid at `at`, and each of its cells holds."""
    return (
        not row.disabled
        and row.valid_at(at)
        and all(cell_holds(cell, facts.get(name), lists) for name, cell in row.when.items())
    )


def other_than(named: Collection[Scalar]) -> str:
    """A text that is none of these values."""
    return next(text for n in count() if (text := "any other" + "?" * n) not in named)
