"""Handles what is asked of a rule set: load its life, decide, append; once for each command id."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from licensing import connection, rulebook, rules, store
from licensing.actors import Actor, event_id
from licensing.rules import life
from licensing.rules.life import Life, RulesPublished

TRIES = 20


class Made(msgspec.Struct, frozen=True):
    """What came of a command: `accepted` or `unchanged`, and the life after it."""

    outcome: str
    life: Life


def handle(
    rule_set_id: str,
    command: life.Command,
    *,
    command_id: str,
    actor: Actor,
    now: datetime,
    said_hash: bytes | None = None,
) -> Made:
    """Decide and write, once. Raises LifeError, and the store's CommandIdReused.

    Of two who publish at once one wins; the other is decided anew, and is told what came between.
    `said_hash` tells a repeat from another command where the caller left something to us, such as
    the instant from which rules are in force: it is of what was said, before defaults. A repeat is
    answered with the life as it was after the first time.
    """
    stream = rulebook.stream_of(rule_set_id)
    data = msgspec.to_builtins(command)
    name = type(command).__name__
    data_hash = said_hash or hashlib.sha256(name.encode() + b"\n" + rules.canonical(data)).digest()
    # The document is in the events; here its hash tells a repeat from another command.
    record = {key: value for key, value in data.items() if key != "document"}
    for _ in range(TRIES):
        known = store.find_command(connection.opened(), stream, command_id)
        if known is not None:
            if known.data_hash != data_hash:
                raise store.CommandIdReused(stream, command_id)
            return _again(rule_set_id, known)
        before = rulebook.life_of(rule_set_id)
        events = life.decide(before, command, actor.id, now)
        try:
            appended = _append(
                rule_set_id,
                events,
                store.CommandRecord(command_id, name, record, data_hash, _outcome(events)),
                actor=actor,
                now=now,
                expected=before.version,
            )
        except store.WrongExpectedVersion:
            continue  # somebody was faster: decide on what is there now
        if appended.status == "repeated":
            continue  # the same command came twice at once: it is found now
        after = before
        for event in events:
            after = life.evolve(after, event, actor.id)
        return Made(str(appended.outcome["outcome"]), after)
    raise store.WrongExpectedVersion(stream, before.version, rulebook.head(rule_set_id))


def _again(rule_set_id: str, known: store.CommandRow) -> Made:
    return Made(str(known.outcome["outcome"]), rulebook.life_at(rule_set_id, known.last_version))


def publish(
    rule_set_id: str,
    document: dict[str, Any],
    *,
    valid_from: datetime,
    command_id: str,
    actor: Actor,
    now: datetime,
    recorded_at: datetime | None = None,
) -> str:
    """Publish a rule set from `valid_from` on, without a draft: for setting up and for demos.

    The same document again changes nothing. Returns the outcome. Raises rules.BrokenRuleSet
    before anything is written.
    """
    rules.parse(document)
    published = rulebook.versions(rule_set_id)
    event = RulesPublished(rules.hash_of(document), valid_from, document)
    data = msgspec.to_builtins(event)
    unchanged = bool(published) and published[-1].hash == event.hash
    events = [] if unchanged else [event]
    record = store.CommandRecord(
        command_id=command_id,
        name="PublishRules",
        data={"hash": event.hash, "valid_from": data["valid_from"]},
        data_hash=hashlib.sha256(rules.canonical(data)).digest(),
        outcome=_outcome(events),
    )
    appended = _append(
        rule_set_id,
        events,
        record,
        actor=actor,
        now=now,
        expected=rulebook.head(rule_set_id),
        recorded_at=recorded_at,
    )
    return str(appended.outcome["outcome"])


def _outcome(events: Sequence[life.Event]) -> dict[str, Any]:
    return {"outcome": "accepted" if events else "unchanged", "license_id": None}


def _append(
    rule_set_id: str,
    events: Sequence[life.Event],
    record: store.CommandRecord,
    *,
    actor: Actor,
    now: datetime,
    expected: int,
    recorded_at: datetime | None = None,
) -> store.Appended:
    stream = rulebook.stream_of(rule_set_id)
    metadata = {
        "command_id": record.command_id,
        "command": record.name,
        "actor": msgspec.to_builtins(actor),
    }
    new = [
        store.NewEvent(
            event_id=event_id(stream, record.command_id, ordinal),
            type=type(event).__name__,
            schema_version=rulebook.RULES_PUBLISHED_VERSION,
            data=msgspec.to_builtins(event),
            metadata=metadata,
            occurred_at=now,
        )
        for ordinal, event in enumerate(events)
    ]
    return store.append(
        connection.opened(), stream, new, record, expected=expected, recorded_at=recorded_at
    )
