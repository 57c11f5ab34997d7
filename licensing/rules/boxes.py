"""Is every request that these conditions admit admitted by those? Exactly, with a witness.

All values that no cell of a rule set tells apart are one atom; a row is then a box, for each fact
the set of atoms (the bits of an integer) that its cell accepts, and time is one more fact. Whether
a union of boxes covers another is settled by splitting, as DPLL settles clauses: no arithmetic, no
solver.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

import msgspec

from licensing.rules.facts import Type
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import ANYTHING, Cell, Row, Scalar, cell_holds, other_than

TIME = "\0time"  # no fact is called so
DAY = timedelta(days=1)
FEW = 8  # atoms that are looked up one by one

Box = tuple[int, ...]
"""For each dimension the atoms that are in it."""


class Atom(NamedTuple):
    """Values that no cell tells apart: one of them, and for numbers the stretch they make up."""

    value: Any
    first: int | None = None  # inclusive
    last: int | None = None  # exclusive
    other: bool = False


class Space:
    """The requests that a rule set tells apart: a dimension for each fact that some row reads."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        rows = [row for table in ruleset.tables for row in table.enabled]
        names = [name for name in ruleset.facts if any(name in row.when for row in rows)]
        types = ruleset.types()
        self.atoms: dict[str, tuple[Atom, ...]] = {
            name: tuple(
                _atoms(ruleset, types, name, [r.when[name] for r in rows if name in r.when])
            )
            for name in names
        }
        times = sorted({each for row in rows for each in (row.valid_from, row.valid_to) if each})
        self._moments = {at: number for number, at in enumerate(times, start=1)}
        self._numbers = {
            name: {(type(atom.value), atom.value): number for number, atom in enumerate(atoms)}
            for name, atoms in self.atoms.items()
        }
        if times:
            self.atoms[TIME] = tuple(map(Atom, [times[0] - DAY, *times]))
        self.names = tuple(self.atoms)
        self.whole: Box = tuple((1 << len(self.atoms[name])) - 1 for name in self.names)
        self._known: dict[tuple[str, Cell], int] = {}

    def box(self, row: Row) -> Box:
        """What a row admits."""
        return tuple(
            self._during(row) if name == TIME else self._accepted(name, row.when.get(name), whole)
            for name, whole in zip(self.names, self.whole, strict=True)
        )

    def witness(self, box: Box) -> tuple[dict[str, Any], datetime | None]:
        """A request in a box that is not empty: its facts, and its instant where time matters."""
        facts: dict[str, Any] = {}
        at = None
        for name, atoms in zip(self.names, box, strict=True):
            atom = self.atoms[name][_lowest(atoms)]
            if name == TIME:
                at = atom.value
            else:
                facts[name] = atom.value
        return facts, at

    def cells(self, box: Box, inputs: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Cells, in document form, of a row that admits much of a box, its first atoms included."""
        allowed = set(inputs)
        return {
            name: _cell_of(self.atoms[name], atoms)
            for name, atoms, whole in zip(self.names, box, self.whole, strict=True)
            if name in allowed and atoms != whole
        }

    def cell(self, name: str, atoms: int) -> dict[str, Any] | None:
        """A cell, in document form, that accepts exactly these atoms, or None."""
        if not atoms:
            return None
        told = _cell_of(self.atoms[name], atoms)
        whole = self.whole[self.names.index(name)]
        exact = self._accepted(name, msgspec.convert(told, Cell), whole) == atoms
        return told if exact else None

    def dates(self, box: Box) -> dict[str, datetime]:
        """The first stretch of time in a box, as a row says it; empty where it is all of time."""
        if TIME not in self.atoms:
            return {}
        atoms, chosen = self.atoms[TIME], box[self.names.index(TIME)]
        start = _lowest(chosen)
        end = _lowest(~(chosen >> start)) + start
        found = {}
        if start > 0:
            found["from"] = atoms[start].value
        if end < len(atoms):
            found["to"] = atoms[end].value
        return found

    def _accepted(self, name: str, cell: Cell | None, whole: int) -> int:
        if cell is None:
            return whole
        found = self._known.get((name, cell))
        if found is None:
            found = self._known[name, cell] = self._found(name, cell, whole)
        return found

    def _found(self, name: str, cell: Cell, whole: int) -> int:
        # A named value is an atom of its own, so most cells need not be asked about each atom.
        numbers = self._numbers[name]
        named = {(type(value), value) for value in cell.named(self.ruleset.lists)}
        bits = sum(1 << numbers[each] for each in named if each in numbers)
        if cell.only_names:
            return bits
        if cell == Cell(not_in=cell.not_in) and cell != ANYTHING:
            null = numbers.get((type(None), None))
            return whole & ~bits & ~(0 if null is None else 1 << null)
        return sum(
            1 << number
            for number, atom in enumerate(self.atoms[name])
            if cell_holds(cell, atom.value, self.ruleset.lists)
        )

    def _during(self, row: Row) -> int:
        first = self._moments[row.valid_from] if row.valid_from else 0
        last = self._moments[row.valid_to] if row.valid_to else len(self.atoms[TIME])
        return ((1 << last) - 1) >> first << first


class Index:
    """Many boxes, asked which of them meet one: a few look-ups in place of a look at each.

    Sets of boxes are the bits of an integer, by their places in `boxes`.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self.all = (1 << len(boxes)) - 1
        self._sides: list[dict[int, int]] = []
        for side in zip(*boxes, strict=True):
            here: dict[int, int] = {}
            for place, atoms in enumerate(side):
                here[atoms] = here.get(atoms, 0) | 1 << place
            self._sides.append(here)
        self._atoms = [_by_atom(side) for side in self._sides]
        self._wide = [
            {atoms: held for atoms, held in side.items() if atoms.bit_count() > FEW}
            for side in self._sides
        ]
        self._known: dict[tuple[int, int], int] = {}

    def touching(self, box: Box) -> int:
        """The boxes that meet a box."""
        found = self.all
        for side, atoms in enumerate(box):
            if not found:
                break
            found &= self._on(side, atoms)
        return found

    def _on(self, side: int, atoms: int) -> int:
        found = self._known.get((side, atoms))
        if found is None:
            few = atoms.bit_count() <= FEW
            of = self._wide[side] if few else self._sides[side]
            found = reduce(or_, (held for other, held in of.items() if other & atoms), 0)
            if few:
                single = self._atoms[side]
                found = reduce(or_, (single.get(atom, 0) for atom in each_bit(atoms)), found)
            self._known[side, atoms] = found
        return found

    def chosen(self, places: int) -> list[Box]:
        """The boxes at these places."""
        return [self.boxes[place] for place in each_bit(places)]


def _by_atom(side: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for atoms, held in side.items():
        for atom in each_bit(atoms) if atoms.bit_count() <= FEW else ():
            found[atom] = found.get(atom, 0) | held
    return found


def each_bit(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, the lowest first."""
    while bits:
        lowest = _lowest(bits)
        yield lowest
        bits &= ~(1 << lowest)


def empty(box: Box) -> bool:
    """Whether there is nothing in it."""
    return not all(box)


def meet(one: Box, other: Box) -> Box:
    """What is in both."""
    return tuple(a & b for a, b in zip(one, other, strict=True))


def uncovered(box: Box, by: Sequence[Box]) -> Box | None:
    """A part of `box` that no other box touches, or None when together they cover it."""
    if empty(box):
        return None
    touching = [other for other in by if all(map(and_, box, other))]
    if not touching:
        return box
    # The box that sticks out in the fewest dimensions settles most at one split.
    pivot, outside = min(
        ((other, _outside(box, other)) for other in touching), key=lambda found: len(found[1])
    )
    if not outside:
        return None
    place = outside[0]
    apart = (*box[:place], box[place] & ~pivot[place], *box[place + 1 :])
    found = uncovered(apart, touching)
    if found is not None:
        return found
    return uncovered((*box[:place], box[place] & pivot[place], *box[place + 1 :]), touching)


def _outside(box: Box, other: Box) -> list[int]:
    """The dimensions in which `box` reaches out of `other`."""
    return [n for n, (a, b) in enumerate(zip(box, other, strict=True)) if a & ~b]


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


# -- Atoms --


def _atoms(
    ruleset: RuleSet, types: Mapping[str, Type], name: str, cells: Sequence[Cell]
) -> Iterator[Atom]:
    fact, kind = ruleset.facts[name], types.get(name)
    named = list(dict.fromkeys(value for cell in cells for value in cell.named(ruleset.lists)))
    if fact.domain is not None:
        yield from (Atom(value) for value in fact.domain)
    elif kind == "boolean":
        yield from (Atom(False), Atom(True))
    elif kind == "integer":
        yield from _integers(named, cells)
    else:
        yield from (Atom(value) for value in named)
        yield Atom(other_than(named), other=True)
    if not fact.required and ruleset.defaults.get(name) is None:
        yield Atom(None)


def _integers(named: Sequence[Scalar], cells: Sequence[Cell]) -> Iterator[Atom]:
    cuts = {cut for cell in cells for cut in cell.cuts()}
    for value in named:
        cuts |= {int(value), int(value) + 1}  # a named value is a stretch of its own
    ordered = sorted(cuts)
    if not ordered:
        yield Atom(0)
        return
    yield Atom(ordered[0] - 1, None, ordered[0])
    for first, last in zip(ordered, [*ordered[1:], None], strict=True):
        yield Atom(first, first, last)


def _cell_of(atoms: tuple[Atom, ...], chosen: int) -> dict[str, Any]:
    """A cell that accepts the first chosen atom and as many of the others as one cell can."""
    picked = [atom for number, atom in enumerate(atoms) if chosen >> number & 1]
    first = picked[0]
    if first.value is None:
        return {"is_null": True}
    if first.first is not None or first.last is not None:
        return _stretch(picked)
    if any(atom.other for atom in picked):
        left_out = [atom.value for atom in atoms if atom not in picked and atom.value is not None]
        return {"not_in": left_out} if left_out else {"is_null": False}
    return {"in": [atom.value for atom in picked if atom.value is not None]}


def _stretch(picked: Sequence[Atom]) -> dict[str, Any]:
    first, last = picked[0].first, picked[0].last
    for atom in picked[1:]:
        if atom.value is None or last is None or atom.first != last:
            break
        last = atom.last
    bounds = {"ge": first, "lt": last}
    found = {name: bound for name, bound in bounds.items() if bound is not None}
    return found or {"is_null": False}
