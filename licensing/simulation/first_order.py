"""Whether other rules would decide a recorded decision otherwise, told from its record alone.

Two questions, the cheap one first. *Can* they: do both rule sets say the same of these facts, any
limit, reason and term that the decision could come to? *Do* they: with the counts that the record
keeps, by the evaluator that decides for real. Both are asked once of all that is alike and
remembered: to rules, two texts of a fact are one where they name neither.
Where a record does not keep what the other rules ask for, the answer is that nobody can tell
without the member's history.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from licensing import rules, terms
from licensing.rules import Compiled, Purpose
from licensing.simulation.reach import TERMS, Reach, definition, reach

REMEMBERED = 200_000  # answers

Record = Mapping[str, Any]

_object = msgspec.json.Decoder(dict[str, Any]).decode


class NotRecorded(Exception):
    """The record does not say what is asked."""


class Verdict(NamedTuple):
    """What the other rules say by themselves: None as the reason means granted."""

    reason: str | None
    row: str | None
    row_then: str | None
    facts: Mapping[str, Any]
    same_terms: bool


Said = Sequence[str]
"""What the request said at each of `FirstOrder.paths`, as JSON texts."""


class FirstOrder:
    """One rule set beside each that ever decided. Not shared between threads."""

    def __init__(self, tried: Compiled, hash: str, deciders: Mapping[str, Compiled]) -> None:
        self._hash = hash
        self._pairs = {
            (old, purpose): _Pair(compiled, tried, purpose)
            for old, compiled in deciders.items()
            for purpose in PURPOSES
        }
        self.paths = tuple(sorted({path for pair in self._pairs.values() for path in pair.asked}))
        for pair in self._pairs.values():
            pair.places = {path: self.paths.index(path) for path in pair.asked}

    @property
    def reached(self) -> Mapping[tuple[str, Purpose], Reach]:
        """By the hash of the rules that decided, and purpose: which decisions can differ at all."""
        return {key: pair.reach for key, pair in self._pairs.items()}

    def alike(
        self,
        purpose: Purpose,
        hash: str | None,
        record: str | None,
        at: datetime,
        said: Said | None,
        member_id: str,
    ) -> bool | None:
        """Whether both say the same whatever was counted; None where nobody can tell.

        `record` is the decision record as it is kept, as JSON; `said` is what the request, or that
        of the renewed license, said at `paths`, None where that is not known.
        """
        if hash == self._hash:
            return True
        pair = self._pairs.get((hash or "", purpose))
        return None if pair is None or record is None else pair.alike(record, at, said, member_id)

    def verdict(
        self,
        purpose: Purpose,
        hash: str | None,
        record: str | None,
        at: datetime,
        said: Said | None,
        member_id: str,
    ) -> Verdict:
        """What the other rules say of a recorded decision; raises NotRecorded.

        `record` and `said` are as in `alike`, of a member whom support allowed nothing.
        """
        pair = self._pairs.get((hash or "", purpose))
        if pair is None or record is None:
            raise NotRecorded
        found = pair.verdict(record, at, said, member_id)
        if found is None:
            raise NotRecorded
        return found


PURPOSES: tuple[Purpose, ...] = ("acquire", "renew")
OVERRIDING = (terms.LICENSE_ENDED, terms.MEMBERSHIP_CANCELLED)

_OTHER = object()
_NOTHING: frozenset[Any] = frozenset()
TOLD = ("studio", "plan", "country")  # by which turned decisions are counted

_Told = Mapping[str, frozenset[Any] | None]
_Values = Mapping[str, Any]
_Get = Callable[[_Values, Said, str], Any]
"""A fact's value from the recorded facts, what the request said, and the member's id."""


class _Pair:
    """The rules that decided, and those that are tried, for one purpose.

    `asked` are the paths of the request that no recorded fact keeps, `places` where they are said.
    """

    def __init__(self, old: Compiled, new: Compiled, purpose: Purpose) -> None:
        self._old, self._new, self._purpose = old, new, purpose
        self.reach = reach(old, new, purpose)
        self.asked: list[str] = []
        self.places: dict[str, int] = {}
        self._of_member = False
        self._dated = old.dated or new.dated
        self._known: dict[Any, bool | None] = {}
        self._judged: dict[Any, Verdict | None] = {}
        self._told = _told(old, new)
        told_by = {new.ruleset.facts[name].path for name in TOLD if name in new.ruleset.facts}
        self._told_whole = {
            name: None if old.ruleset.facts[name].path in told_by else named
            for name, named in self._told.items()
        }
        self._same_counter = {
            name: [
                each
                for each in old.ruleset.counters
                if definition(old.ruleset, each) == definition(new.ruleset, name)
            ]
            for name in new.ruleset.counters
        }
        gets = {name: self._getter(name, fact.path) for name, fact in new.ruleset.facts.items()}
        self._gets = [(name, get) for name, get in gets.items() if get is not None]
        # A limit's own fact stands among the limits of a record, not among its facts: where rows
        # read it too, the facts alone do not tell.
        self._limit_of = {
            limit.fact: name
            for name, limit in old.ruleset.limits.items()
            if purpose in limit.purposes and limit.fact in old.ruleset.facts
        }
        hidden = self._limit_of.keys() & (_columns(old) | _columns(new))
        self._unsaid = len(self._gets) < len(gets)  # something is asked that nothing recorded says
        self._blind = self._unsaid or bool(hidden)
        self._marks = (_Marks(old, purpose), _Marks(new, purpose))

    def alike(self, record: str, at: datetime, said: Said | None, member_id: str) -> bool | None:
        """As FirstOrder.alike."""
        if self._blind or (self.asked and said is None):
            return None
        recorded = _object(record).get("facts") or {}
        key = (_alike(recorded, self._told), *self._circumstances(at, said, member_id))
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._compared(recorded, at, said or (), member_id)
            return found

    def verdict(
        self, record: str, at: datetime, said: Said | None, member_id: str
    ) -> Verdict | None:
        """As FirstOrder.verdict; None where the record does not tell."""
        if self._unsaid or (self.asked and said is None):
            return None
        kept = _object(record)
        limits = kept.get("limits")
        if not isinstance(limits, list):
            return None
        key = (
            _alike(kept.get("facts") or {}, self._told_whole),
            *self._circumstances(at, said, member_id),
            kept.get("row"), kept.get("reason"), bool(kept.get("allowances")), repr(limits),
        )  # fmt: skip
        try:
            return self._judged[key]
        except KeyError:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            try:
                found = self._judge(kept, at, said or (), member_id)
            except NotRecorded:
                found = None
            self._judged[key] = found
            return found

    def _circumstances(self, at: datetime, said: Said | None, member_id: str) -> Any:
        """What an answer depends on beside what was recorded."""
        rows = (self._old.valid(at), self._new.valid(at)) if self._dated else None
        told = tuple(said) if said is not None and self.asked else None
        return rows, told, member_id if self._of_member else None

    def _compared(
        self, recorded: dict[str, Any], at: datetime, said: Said, member_id: str
    ) -> bool | None:
        marks, others = self._marks
        before = {name: recorded.get(name) for name in self._old.ruleset.facts}
        found = self._old.outcome(before, at)
        for fact, limit in self._limit_of.items():
            if recorded.get(fact) is None and limit in found.out:
                recorded[fact] = before[fact] = 0  # whatever it was: no row reads it
        try:
            after = self._facts(recorded, said, member_id)
        except NotRecorded:
            return None
        return bool(marks.of(before, at) == others.of(after, at))

    def _judge(self, record: Record, at: datetime, said: Said, member_id: str) -> Verdict:
        if record.get("allowances"):
            raise NotRecorded
        reason = record.get("reason")
        if reason in OVERRIDING and self._could_say(reason):
            raise NotRecorded
        recorded = dict(record.get("facts") or {})
        counts: dict[str, rules.Count] = {}
        for limit in record["limits"]:
            self._count(limit, recorded, counts)
        facts = self._facts(recorded, said, member_id)
        found = rules.decide(
            self._new, self._purpose, facts, lambda name: self._counted(name, counts), at
        )
        before = self._old.outcome({n: recorded.get(n) for n in self._old.ruleset.facts}, at)
        marks, others = self._marks
        same = marks.terms(before) == others.terms(self._new.outcome(facts, at))
        would_be = reason if reason in OVERRIDING else found.reason
        return Verdict(would_be, found.row, record.get("row"), found.facts, same)

    def _could_say(self, reason: str) -> bool:
        """Whether the rules that decided have a row or a limit of their own with this reason."""
        given = {row.reason for _, row in self._old.rows}
        return reason in given | {limit.reason for limit in self._old.ruleset.limits.values()}

    def _facts(self, recorded: _Values, said: Said, member_id: str) -> dict[str, Any]:
        return {name: get(recorded, said, member_id) for name, get in self._gets}

    def _count(self, limit: Any, recorded: dict[str, Any], counts: dict[str, rules.Count]) -> None:
        """Put what a limit of the record says where the evaluator asks for it."""
        known = self._old.ruleset.limits.get(limit[0]) if isinstance(limit, list) else None
        if known is None:
            raise NotRecorded
        _, value, _, *adds = limit
        counter = self._old.ruleset.counters.get(known.fact)
        if counter is None:
            recorded[known.fact] = value
        elif adds or counter.adds_one:
            counts[known.fact] = rules.Count(value, value + (adds[0] if adds else 1))

    def _counted(self, name: str, counts: Mapping[str, rules.Count]) -> rules.Count:
        for each in self._same_counter[name]:
            if each in counts:
                return counts[each]
        raise NotRecorded

    def _getter(self, name: str, path: str) -> _Get | None:
        """How to find a fact of the rules that are tried; None where nothing recorded says it."""
        default = self._new.ruleset.defaults.get(name)
        for old, fact in self._old.ruleset.facts.items():
            if fact.path == path:
                return self._recorded(old, default)
        root, _, rest = path.partition(".")
        if rules.is_rollout(path):
            self._of_member = True
            return lambda recorded, said, member_id: rules.share(member_id, rest)
        if root == "license" and self._purpose == "acquire":
            return lambda recorded, said, member_id: default
        if root not in rules.COUNTED:
            return None
        asked = "title.studio" if path == "studio" else path
        self.asked.append(asked)
        # A device that said nothing of its type may have been known; the license says what it said.
        may_be_known = path == "device.type" and self._purpose == "acquire"

        def get(recorded: _Values, said: Said, member_id: str) -> Any:
            value = msgspec.json.decode(said[self.places[asked]])
            if value is None and may_be_known:
                raise NotRecorded
            return default if value is None else value

        return get

    def _recorded(self, old: str, default: Any) -> _Get:
        """A fact that was recorded under its old name; a default may hide that it was not given."""
        was = self._old.ruleset.defaults.get(old)

        def get(recorded: _Values, said: Said, member_id: str) -> Any:
            value = recorded.get(old)
            if was is not None and value == was and default != was:
                raise NotRecorded
            return default if value is None else value

        return get


def _told(old: Compiled, new: Compiled) -> _Told:
    """The facts that a record may keep, each with the texts that either rule set tells apart."""
    return {
        name: _named(old, name).union(
            *(_named(new, n) for n, x in new.ruleset.facts.items() if x.path == fact.path)
        )
        for name, fact in old.ruleset.facts.items()
    }


def _named(rules: Compiled, name: str) -> frozenset[Any]:
    domain = rules.ruleset.facts[name].domain or ()
    return frozenset((*rules.named(name), *domain, rules.ruleset.defaults.get(name)))


def _alike(recorded: _Values, told: _Told) -> tuple[Any, ...]:
    """A key that is the same for facts of which rules say the same."""
    key: list[Any] = []
    for name, value in recorded.items():  # the database keeps names in an order of its own
        key.append(name)
        if type(value) is str:
            named = told.get(name, _NOTHING)
            key.append(value if named is None or value in named else _OTHER)
        else:
            # True is no 1, and a list that somebody sent is no key.
            key.append(value if value is None else repr(value).encode())
    return tuple(key)


class _Marks:
    """All that a rule set can make of facts for one purpose, so that two can be compared."""

    def __init__(self, compiled: Compiled, purpose: Purpose) -> None:
        self._compiled, self._purpose = compiled, purpose
        self._terms = TERMS[purpose]
        self._of: dict[int, Any] = {}
        ruleset = compiled.ruleset
        self._limits = [
            (name, limit, definition(ruleset, limit.fact))
            for name, limit in ruleset.limits.items()
            if purpose in limit.purposes
        ]

    def of(self, facts: dict[str, Any], at: datetime) -> Any:
        fault = self._compiled.fault_of(facts)
        if fault is not None:
            return fault[0]
        found = self._compiled.outcome(facts, at)
        known = self._of.get(id(found))
        if known is None or known[0] is not found:
            known = self._of[id(found)] = found, self._made(found)
        return known[1]

    def terms(self, found: rules.Outcome) -> tuple[Any, ...]:
        return tuple(found.out.get(name) for name in self._terms)

    def _made(self, found: rules.Outcome) -> Any:
        if found.fault is not None:
            return found.fault[0]
        denied = None
        if found.out.get("allow") is False:
            denied = self._compiled.row(found.decisive["allow"]).reason or "NOT_ALLOWED"
        limits = [
            (name, limit.kind, known, found.out[name],
             self._compiled.row(found.decisive[name]).reason or limit.reason)
            for name, limit, known in self._limits
            if name in found.out
        ]  # fmt: skip
        return denied, limits, self.terms(found)


def _columns(compiled: Compiled) -> set[str]:
    return {name for _, row in compiled.rows for name in row.when}
