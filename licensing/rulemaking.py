"""Handles what is asked of a rule set: load its life, decide, append; once for each command id."""

import hashlib
from datetime import datetime
from uuid import uuid5

import msgspec

from licensing import connection, rulebook, rules, store
from licensing.actors import NAMESPACE, Actor
from licensing.rules import life
from licensing.rules.life import Life

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
) -> Made:
    """Decide and write, once. Raises LifeError, and the store's CommandIdReused.

    Of two who publish at once one wins; the other is decided anew, and is told what came between.
    """
    stream = rulebook.stream_of(rule_set_id)
    data = msgspec.to_builtins(command)
    name = type(command).__name__
    data_hash = hashlib.sha256(name.encode() + b"\n" + rules.canonical(data)).digest()
    for _ in range(TRIES):
        known = store.find_command(connection.opened(), stream, command_id)
        if known is not None:
            if known.data_hash != data_hash:
                raise store.CommandIdReused(stream, command_id)
            return Made(str(known.outcome["outcome"]), rulebook.life_of(rule_set_id))
        before = rulebook.life_of(rule_set_id)
        events = life.decide(before, command, actor.id, now)
        outcome = "accepted" if events else "unchanged"
        new = [
            store.NewEvent(
                event_id=uuid5(NAMESPACE, f"{stream}/{command_id}/{ordinal}"),
                type=type(event).__name__,
                schema_version=rulebook.RULES_PUBLISHED_VERSION,
                data=msgspec.to_builtins(event),
                metadata={
                    "command_id": command_id,
                    "command": name,
                    "actor": msgspec.to_builtins(actor),
                },
                occurred_at=now,
            )
            for ordinal, event in enumerate(events)
        ]
        record = store.CommandRecord(
            command_id=command_id,
            name=name,
            # The document is in the events; here its hash tells a repeat from another command.
            data={key: value for key, value in data.items() if key != "document"},
            data_hash=data_hash,
            outcome={"outcome": outcome, "license_id": None},
        )
        try:
            store.append(connection.opened(), stream, new, record, expected=before.version)
        except store.WrongExpectedVersion:
            continue  # somebody was faster: decide on what is there now
        return Made(outcome, rulebook.life_of(rule_set_id))
    raise store.WrongExpectedVersion(stream, before.version, rulebook.head(rule_set_id))
