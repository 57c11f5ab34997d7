"""The doctor's questions to the store: each check gives one finding, in words and figures."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from licensing import connection, keyframes, readability, store

NAMED = 5  # of what is wrong, that many are named
OLDEST_PG = 150_000
LONG_TRANSACTION_S = 300
SYNCHRONOUS = ("on", "remote_write", "remote_apply")

Progress = Callable[[int, int], None]
"""Is told (done, of how many) while a check goes on."""


class Finding(msgspec.Struct, frozen=True):
    """What one check found. `todo` says what to do about it; `figures` are for machines."""

    name: str
    title: str
    status: Literal["ok", "warning", "failed"]
    said: str
    figures: dict[str, Any] = {}
    todo: str = ""


def feeds() -> Finding:
    """Every bucket's feed is 1, 2, 3 ... up to its head."""
    off = store.feeds_off(connection.opened())
    events = sum(store.bucket_heads(connection.opened()).values())
    figures = {"events": events, "buckets_off": len(off)}
    if not off:
        said = f"{events:,} events in {store.BUCKETS:,} feeds, without a gap."
        return Finding("feeds", "Feeds are gapless", "ok", said, figures)
    named = _named(
        f"bucket {feed.bucket}: head {feed.position}, last event {feed.last}, {feed.count} events"
        for feed in off
    )
    todo = "Something changed history past the store. Keep the database as it is and find out what."
    return Finding("feeds", "Feeds are gapless", "failed", named, figures, todo)


def heads() -> Finding:
    """Every stream's head is the version of its last event."""
    off = store.heads_off(connection.opened())
    if not off:
        said = "Each stream's head is its last event."
        return Finding("heads", "Heads are true", "ok", said, {"streams_off": 0})
    named = _named(
        f"{head.stream_id}: head {head.version}, last event {head.last}, {head.count} events"
        for head in off
    )
    todo = "Run manage.py verify --member for each; keep the database as it is."
    return Finding("heads", "Heads are true", "failed", named, {"streams_off": len(off)}, todo)


def chains(sample: int | None, progress: Progress) -> Finding:
    """The hash chains of some streams by chance hold, or of all (`sample` None)."""
    conn = connection.opened()
    if sample is None:
        chosen = [
            stream_id
            for bucket in range(store.BUCKETS)
            for stream_id, _ in store.streams_of_bucket(conn, bucket)
        ]
    else:
        chosen = store.sample_streams(conn, sample)
    bad: list[tuple[str, int]] = []
    for done, stream_id in enumerate(chosen, start=1):
        version = store.verify_stream(conn, stream_id)
        if version is not None:
            bad.append((stream_id, version))
        progress(done, len(chosen))
    figures = {"streams": len(chosen), "broken": len(bad)}
    if not bad:
        some = "all" if sample is None else "by chance"
        said = f"{len(chosen):,} streams ({some}) recomputed: every link holds."
        return Finding("chains", "Hash chains hold", "ok", said, figures)
    named = _named(f"{stream_id}: first bad event {version}" for stream_id, version in bad)
    todo = "Those events, or what stood before them, were changed in the database itself."
    return Finding("chains", "Hash chains hold", "failed", named, figures, todo)


def frames(sample: int, progress: Progress) -> Finding:
    """Some keyframes by chance are what the events fold to."""
    chosen = keyframes.sample(sample)
    wrong: list[tuple[str, int]] = []
    for done, (stream_id, version) in enumerate(chosen, start=1):
        if not keyframes.holds(stream_id, version):
            wrong.append((stream_id, version))
        progress(done, len(chosen))
    figures = {"keyframes": len(chosen), "wrong": len(wrong)}
    if not wrong:
        said = f"{len(chosen):,} keyframes folded again from the first event: all the same."
        return Finding("keyframes", "Keyframes are true", "ok", said, figures)
    named = _named(f"{stream_id}: keyframe {version}" for stream_id, version in wrong)
    todo = "Nothing is lost by deleting keyframes: manage.py keyframes --delete."
    return Finding("keyframes", "Keyframes are true", "failed", named, figures, todo)


def readable() -> Finding:
    """This build reads every sort of event in the store."""
    unreadable = readability.unreadable()
    if not unreadable:
        said = "This build reads every event type and version in the store."
        return Finding("readable", "Events can be read", "ok", said, {"unreadable": 0})
    todo = "Those members answer 409 to commands until a build that knows the events runs again."
    figures = {"unreadable": sum(kind.count for kind in unreadable)}
    said = _named(str(kind) for kind in unreadable)
    return Finding("readable", "Events can be read", "failed", said, figures, todo)


def settings() -> Finding:
    """The server keeps what it acknowledges."""
    server = store.server(connection.opened())
    figures = msgspec.to_builtins(server)
    wrong = [
        f"{name} is {value}"
        for name, value, right in (
            ("fsync", server.fsync, ("on",)),
            ("full_page_writes", server.full_page_writes, ("on",)),
            ("synchronous_commit", server.synchronous_commit, SYNCHRONOUS),
            ("default_transaction_isolation", server.isolation, ("read committed",)),
        )
        if value not in right
    ]
    if server.version < OLDEST_PG:
        wrong.append(f"PostgreSQL {server.version // 10_000} is older than 15")
    if server.standby:
        wrong.append("the server is a standby, which shows what may still be lost")
    title = "The server keeps what it acknowledges"
    if wrong:
        todo = "Set them back: with these settings an acknowledged event can be lost."
        return Finding("settings", title, "failed", _named(wrong), figures, todo)
    if server.oldest_transaction_s > LONG_TRANSACTION_S:
        said = f"A transaction has been open for {server.oldest_transaction_s:,} s."
        todo = "While it lasts, the rows that every append updates cannot be cleaned up. End it."
        return Finding("settings", title, "warning", said, figures, todo)
    said = "fsync, full_page_writes and synchronous_commit are on; isolation is read committed."
    return Finding("settings", title, "ok", said, figures)


def roles() -> Finding:
    """The application's role cannot change history."""
    server = store.server(connection.opened())
    figures = {"role": server.role, "triggers": server.triggers, "rights": server.rights or []}
    title = "Nobody can rewrite history"
    if server.superuser or server.owner:
        said = f"The application works as {server.role}, which {_power(server)}."
        todo = "Give it a role of its own: DATABASE_OWNER_URL migrates, DATABASE_URL works."
        return Finding("roles", title, "warning", said, figures, todo)
    if server.rights:
        said = f"{server.role} may {_named(server.rights)}."
        return Finding("roles", title, "failed", said, figures, "Revoke these rights.")
    if server.triggers < 2:
        said = f"{server.role} may only read and append, but triggers do not hold the owner back."
        todo = "On one server, migrate licensing 0002; where there are no triggers, this is all."
        return Finding("roles", title, "warning", said, figures, todo)
    said = f"{server.role} may only read and append; triggers hold the owner back too."
    return Finding("roles", title, "ok", said, figures)


def _power(server: store.Server) -> str:
    return "is a superuser" if server.superuser else "owns the tables"


def _named(wrong: Iterable[str]) -> str:
    every = list(wrong)
    more = [f"and {len(every) - NAMED:,} more"] if len(every) > NAMED else []
    return "; ".join([*every[:NAMED], *more])
