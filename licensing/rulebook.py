"""The published rules: the `rules-<id>` stream, folded and kept as long as its head stays."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from licensing import connection, decisions, rules, sealing, store
from licensing.rules import PublishedRules, life
from licensing.rules.life import RulesPublished

__all__ = [
    "EVENTS",
    "RULES_PUBLISHED",
    "RULES_PUBLISHED_VERSION",
    "RULE_SET",
    "NoRules",
    "PublishedRules",
    "RuleStep",
    "RulesPublished",
    "by_hash",
    "current",
    "declared",
    "head",
    "life_at",
    "life_of",
    "reads",
    "row",
    "steps",
    "stream_of",
    "told",
    "versions",
]

RULE_SET = "download-license"
RULES_PUBLISHED = "RulesPublished"
RULES_SUSPENDED = "RulesSuspended"
RULES_PUBLISHED_VERSION = 1

EVENTS: Mapping[str, type[life.Event]] = {
    kind.__name__: kind
    for kind in (
        life.RulesPublished,
        life.RulesDraftStarted,
        life.RulesDraftEdited,
        life.RulesDraftSubmitted,
        life.RulesDraftApproved,
        life.RulesDraftRejected,
        life.RulesDraftPublished,
        life.RulesRolledBack,
        life.RulesSuspended,
    )
}
"""The events of a rule set's stream by their names; all are in their first schema version."""


def reads(type_name: str, schema_version: int) -> bool:
    """Whether events of this type and version can be read."""
    return type_name in EVENTS and schema_version == RULES_PUBLISHED_VERSION


class NoRules(Exception):
    """No rule set has been published, so nothing can be decided."""

    code = "NO_RULES"


class RuleStep(msgspec.Struct, frozen=True):
    """One event of a rule set, with who caused it (a pseudonym) and when it became known."""

    version: int
    event: life.Event
    by: str
    at: datetime


_kept: dict[str, tuple[int, tuple[PublishedRules, ...]]] = {}
_lives: dict[str, life.Life] = {}
_declared: dict[str, tuple[int, frozenset[str]]] = {}


def stream_of(rule_set_id: str) -> str:
    """The stream of a rule set."""
    return f"rules-{rule_set_id}"


def versions(rule_set_id: str = RULE_SET) -> tuple[PublishedRules, ...]:
    """Each published version in the order of publication, numbered from 1.

    The stream's head is read each time, so a publication reaches every process at once.
    """
    conn = connection.opened()
    head = store.stream_head(conn, stream_of(rule_set_id))
    version = head.version if head else 0
    kept = _kept.get(rule_set_id)
    if kept is None or kept[0] != version:
        known = kept[1] if kept is not None and kept[0] < version else ()
        after = kept[0] if known and kept is not None else 0
        recorded = store.read_stream(conn, stream_of(rule_set_id), after=after, until=version)
        published = [*known]
        for event in recorded:
            if event.type == RULES_PUBLISHED:
                published.append(_published(rule_set_id, len(published) + 1, event))
            elif event.type == RULES_SUSPENDED:
                published = [_suspended(each, event) for each in published]
        _kept[rule_set_id] = kept = (version, tuple(published))
    return kept[1]


def declared(rule_set_id: str = RULE_SET) -> frozenset[str]:
    """The attributes of device and context that any published version names, as known here.

    What the rules declare stands in the events as it is; all else there is personal (sealing).
    """
    version, published = _kept.get(rule_set_id) or (-1, versions(rule_set_id))
    known = _declared.get(rule_set_id)
    if known is None or known[0] != version:
        named = [sealing.declared_by(each.ruleset) for each in published]
        known = version, sealing.ALWAYS_DECLARED.union(*named)
        _declared[rule_set_id] = known
    return known[1]


def head(rule_set_id: str = RULE_SET) -> int:
    """The version of the stream: how many events it holds."""
    found = store.stream_head(connection.opened(), stream_of(rule_set_id))
    return found.version if found else 0


def life_of(rule_set_id: str = RULE_SET) -> life.Life:
    """All drafts and versions of a rule set, folded; what was folded before is kept."""
    lived = _lives.get(rule_set_id, life.Life())
    if lived.version > head(rule_set_id):
        lived = life.Life()  # the log was restored from before
    _lives[rule_set_id] = lived = _folded(lived, steps(rule_set_id, lived.version))
    return lived


def life_at(rule_set_id: str, version: int) -> life.Life:
    """The same as it was after the first `version` events of the rule set."""
    return _folded(life.Life(), steps(rule_set_id, until=version))


def _folded(lived: life.Life, further: Iterable[RuleStep]) -> life.Life:
    for step in further:
        lived = life.evolve(lived, step.event, step.by)
    return lived


def steps(
    rule_set_id: str = RULE_SET, after: int = 0, until: int | None = None
) -> Iterator[RuleStep]:
    """What happened to a rule set after a version of its stream, who did it and when."""
    stream = stream_of(rule_set_id)
    for event in store.read_stream(connection.opened(), stream, after=after, until=until):
        actor = event.metadata.get("actor") or {}
        told = msgspec.convert(event.data, EVENTS[event.type])
        yield RuleStep(event.version, told, str(actor.get("id", "")), event.recorded_at)


def _published(rule_set_id: str, number: int, event: store.RecordedEvent) -> PublishedRules:
    data = msgspec.convert(event.data, life.RulesPublished)
    return PublishedRules(
        id=rule_set_id,
        version=number,
        hash=data.hash,
        valid_from=data.valid_from,
        published_at=event.recorded_at,
        compiled=rules.Compiled(rules.parse(data.document)),
    )


def _suspended(known: PublishedRules, event: store.RecordedEvent) -> PublishedRules:
    data = msgspec.convert(event.data, life.RulesSuspended)
    if (known.hash, known.valid_from) != (data.hash, data.valid_from):
        return known
    return known._replace(suspended_at=event.recorded_at)


def current(at: datetime, rule_set_id: str = RULE_SET) -> PublishedRules:
    """The version in force at `at`; before the first publication, the first. Raises NoRules."""
    published = versions(rule_set_id)
    if not published:
        raise NoRules("No rules have been published yet.")
    coming = [version for version in published if version.suspended_at is None]
    in_force = [version for version in coming if version.valid_from <= at]
    return in_force[-1] if in_force else published[0]


def by_hash(hash: str, rule_set_id: str = RULE_SET) -> PublishedRules | None:
    """The published version with this hash."""
    kept = _kept.get(rule_set_id)
    # What is kept under a hash never changes, so that only an unknown one needs a look at the log.
    known = _with_hash(kept[1], hash) if kept is not None else None
    return known or _with_hash(versions(rule_set_id), hash)


def _with_hash(published: tuple[PublishedRules, ...], hash: str) -> PublishedRules | None:
    return next((version for version in published if version.hash == hash), None)


def told(record: Mapping[str, Any]) -> dict[str, Any]:
    """A decision record as it was kept, in full: with the words of the rules that decided."""
    named = record.get("rules") or {}
    found = by_hash(str(named.get("hash")), str(named.get("id", RULE_SET)))
    return decisions.full(record, found.ruleset if found else None)


def row(hash: str, row_id: str) -> dict[str, Any] | None:
    """One row of one version, as plain values with its table's id and title."""
    published = by_hash(hash)
    found = published.ruleset.rows().get(row_id) if published else None
    if found is None:
        return None
    table, rule = found
    return {
        "table": table.id,
        "table_title": table.title,
        "inputs": list(table.inputs),
        "outputs": list(table.outputs),
        **msgspec.to_builtins(rule),
    }
