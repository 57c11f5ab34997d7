"""`manage.py verify` recomputes the hash chains of the store and names the first bad event."""

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from licensing import connection, heads, store

if TYPE_CHECKING:
    import psycopg


class Command(BaseCommand):
    """Audits every stream and feed, or one member's stream."""

    help = (
        "Recompute the hash chain of every stream (or one member's) and name the first bad event."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the choice of one member."""
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--member", metavar="M", help="only this member's stream")
        only.add_argument(
            "--heads", metavar="FILE", help="also against a list of heads made by export_heads"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 at the first bad event."""
        conn = connection.opened()
        if options["member"]:
            events = _verify_member(conn, options["member"])
        else:
            events = _verify_all(conn, quiet=options["verbosity"] == 0)
        if options["heads"]:
            self._against(options["heads"])
        self.stdout.write(f"{events} events verified: every link holds")

    def _against(self, name: str) -> None:
        try:
            text = Path(name).read_bytes()
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from None
        try:
            kept = heads.read(text)
        except heads.NotGenuine as error:
            raise CommandError(f"{name}: {error}") from None
        missing = heads.missing(kept)
        if missing is not None:
            raise CommandError(f"cut or rewritten: {missing}")
        self.stdout.write(f"{len(kept)} heads found as they were listed")


def _verify_member(conn: "psycopg.Connection[Any]", member_id: str) -> int:
    stream_id = f"member-{member_id}"
    head = store.stream_head(conn, stream_id)
    _verify_stream(conn, stream_id)
    if head is None:
        raise CommandError(f"{member_id}: no such member")
    return head.version


def _verify_all(conn: "psycopg.Connection[Any]", *, quiet: bool) -> int:
    heads = store.bucket_heads(conn)
    verified = 0
    with tqdm(total=sum(heads.values()), unit=" events", disable=quiet or None) as progress:
        for bucket in range(store.BUCKETS):
            for stream_id, events in store.streams_of_bucket(conn, bucket):
                _verify_stream(conn, stream_id)
                verified += events
                progress.update(events)
            position = store.verify_feed(conn, bucket)
            if position is not None:
                raise CommandError(f"bad event: bucket {bucket}, position {position} of the feed")
    return verified


def _verify_stream(conn: "psycopg.Connection[Any]", stream_id: str) -> None:
    version = store.verify_stream(conn, stream_id)
    if version is not None:
        raise CommandError(f"bad event: {stream_id}, version {version}")
