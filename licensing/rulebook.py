"""The published rules: the `rules-<id>` stream, folded and kept as long as its head stays."""

from datetime import datetime
from typing import Any

import msgspec

from licensing import connection, rules, store
from licensing.rules import PublishedRules

RULE_SET = "download-license"
RULES_PUBLISHED = "RulesPublished"
RULES_PUBLISHED_VERSION = 1


class RulesPublished(msgspec.Struct, frozen=True):
    """A rule set came into force at `valid_from`. The document is kept whole."""

    hash: str
    valid_from: datetime
    document: dict[str, Any]


class NoRules(Exception):
    """No rule set has been published, so nothing can be decided."""

    code = "NO_RULES"


_kept: dict[str, tuple[int, tuple[PublishedRules, ...]]] = {}


def stream_of(rule_set_id: str) -> str:
    """The stream of a rule set."""
    return f"rules-{rule_set_id}"


def versions(rule_set_id: str = RULE_SET) -> tuple[PublishedRules, ...]:
    """Each published version in the order of publication.

    The stream's head is read each time, so a publication reaches every process at once.
    """
    conn = connection.opened()
    head = store.stream_head(conn, stream_of(rule_set_id))
    version = head.version if head else 0
    kept = _kept.get(rule_set_id)
    if kept is None or kept[0] != version:
        recorded = store.read_stream(conn, stream_of(rule_set_id), until=version)
        published = tuple(_published(rule_set_id, event) for event in recorded)
        _kept[rule_set_id] = kept = (version, published)
    return kept[1]


def _published(rule_set_id: str, event: store.RecordedEvent) -> PublishedRules:
    data = msgspec.convert(event.data, RulesPublished)
    return PublishedRules(
        id=rule_set_id,
        version=event.version,
        hash=data.hash,
        valid_from=data.valid_from,
        published_at=event.recorded_at,
        compiled=rules.Compiled(rules.parse(data.document)),
    )


def current(at: datetime, rule_set_id: str = RULE_SET) -> PublishedRules:
    """The version in force at `at`; before the first publication, the first. Raises NoRules."""
    published = versions(rule_set_id)
    if not published:
        raise NoRules("No rules have been published yet.")
    in_force = [version for version in published if version.valid_from <= at]
    return in_force[-1] if in_force else published[0]


def by_hash(hash: str, rule_set_id: str = RULE_SET) -> PublishedRules | None:
    """The published version with this hash."""
    found = (version for version in versions(rule_set_id) if version.hash == hash)
    return next(found, None)


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
