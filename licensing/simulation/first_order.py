"""Whether other rules would decide a recorded decision otherwise, told from its record alone.

Two questions, the cheap one first. *Can* they: do both rule sets say the same of these facts, any
limit, reason and term that the decision could come to? That is asked once for each set of facts
and remembered. *Do* they: with the counts that the record keeps, by the evaluator that decides for
real.
Where a record does not keep what the other rules ask for, the answer is that nobody can tell
without the member's history.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from licensing import rules, terms
from licensing.domain.license import TERM_NAMES
from licensing.rules import Compiled, Purpose, RuleSet

REMEMBERED = 200_000  # sets of facts
RENEWAL_TERMS = ("renew_ext_h", "renew_life_h", "renew_grace_h")

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

    def alike(
        self,
        purpose: Purpose,
        hash: str | None,
        facts: str | None,
        at: datetime,
        said: Said | None,
        member_id: str,
    ) -> bool | None:
        """Whether both say the same whatever was counted; None where nobody can tell.

        `facts` is JSON, as recorded; `said` is what the request, or that of the renewed license,
        said at `paths`, None where that is not known.
        """
        if hash == self._hash:
            return True
        pair = self._pairs.get((hash or "", purpose))
        return None if pair is None or facts is None else pair.alike(facts, at, said, member_id)

    def verdict(
        self,
        purpose: Purpose,
        hash: str | None,
        record: str,
        at: datetime,
        said: Said | None,
        member_id: str,
    ) -> Verdict:
        """What the other rules say of a recorded decision; raises NotRecorded.

        `record` is the decision record as it is kept, as JSON, of a member whom support allowed
        nothing.
        """
        pair = self._pairs.get((hash or "", purpose))
        found = pair.verdict(record, at, said, member_id) if pair is not None else None
        if found is None:
            raise NotRecorded
        return found


PURPOSES: tuple[Purpose, ...] = ("acquire", "renew")
OVERRIDING = (terms.LICENSE_ENDED, terms.MEMBERSHIP_CANCELLED)

_Values = Mapping[str, Any]
_Get = Callable[[_Values, Said, str], Any]
"""A fact's value from the recorded facts, what the request said, and the member's id."""


class _Pair:
    """The rules that decided, and those that are tried, for one purpose.

    `asked` are the paths of the request that no recorded fact keeps, `places` where they are said.
    """

    def __init__(self, old: Compiled, new: Compiled, purpose: Purpose) -> None:
        self._old, self._new, self._purpose = old, new, purpose
        self.asked: list[str] = []
        self.places: dict[str, int] = {}
        self._of_member = False
        self._known: dict[Any, bool | None] = {}
        self._judged: dict[Any, Verdict | None] = {}
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

    def alike(self, facts: str, at: datetime, said: Said | None, member_id: str) -> bool | None:
        """As FirstOrder.alike."""
        if self._blind or (self.asked and said is None):
            return None
        key = self._key(facts, at, said, member_id)
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._compared(facts, at, said or (), member_id)
            return found

    def verdict(
        self, record: str, at: datetime, said: Said | None, member_id: str
    ) -> Verdict | None:
        """As FirstOrder.verdict; None where the record does not tell."""
        if self._unsaid or (self.asked and said is None):
            return None
        key = self._key(record, at, said, member_id)
        try:
            return self._judged[key]
        except KeyError:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            try:
                found = self._judge(_object(record), at, said or (), member_id)
            except NotRecorded:
                found = None
            self._judged[key] = found
            return found

    def _key(self, text: str, at: datetime, said: Said | None, member_id: str) -> Any:
        """What an answer about a recorded text depends on."""
        rows = self._old.valid(at), self._new.valid(at)
        told = tuple(said) if said is not None and self.asked else None
        return text, rows, told, member_id if self._of_member else None

    def _compared(self, text: str, at: datetime, said: Said, member_id: str) -> bool | None:
        recorded = _object(text)
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
        limits = record.get("limits")
        if not isinstance(limits, list) or record.get("allowances"):
            raise NotRecorded
        reason = record.get("reason")
        if reason in OVERRIDING and self._could_say(reason):
            raise NotRecorded
        recorded = dict(record.get("facts") or {})
        counts: dict[str, rules.Count] = {}
        for limit in limits:
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
        wanted = definition(self._new.ruleset, name)
        for each, count in counts.items():
            if definition(self._old.ruleset, each) == wanted:
                return count
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


class _Marks:
    """All that a rule set can make of facts for one purpose, so that two can be compared."""

    def __init__(self, compiled: Compiled, purpose: Purpose) -> None:
        self._compiled, self._purpose = compiled, purpose
        self._terms = TERM_NAMES if purpose == "acquire" else RENEWAL_TERMS
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


def definition(ruleset: RuleSet, name: str) -> Any:
    """What a fact or counter means, whatever it is called: equal where the value is."""
    counter = ruleset.counters.get(name)
    if counter is None:
        fact = ruleset.facts[name]
        return fact.path, ruleset.defaults.get(name)
    lists = [ruleset.lists[cell.list] for cell in counter.where.values() if cell.list is not None]
    zones: Any = None
    if ruleset.zones is not None:
        path = ruleset.facts[ruleset.zones.fact].path
        zones = path, ruleset.defaults.get(ruleset.zones.fact), ruleset.zones.zones
    return msgspec.structs.replace(counter, label=""), lists, zones


def _columns(compiled: Compiled) -> set[str]:
    return {name for _, row in compiled.rows for name in row.when}
