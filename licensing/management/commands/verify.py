"""`manage.py verify` recomputes the hash chains of the store and names the first bad event."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from licensing import connection, fold, heads, store
from licensing.management.answering import add_json, answered

if TYPE_CHECKING:
    import psycopg


class Command(BaseCommand):
    """Audits every stream and feed, or one member's stream."""

    help = (
        "Recompute the hash chain of every stream (or one member's) and name the first bad event."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds the choice of one member."""
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--member", metavar="M", help="only this member's stream")
        only.add_argument(
            "--heads", metavar="FILE", help="also against a list of heads made by export_heads"
        )
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 at the first bad event."""
        report: dict[str, Any] = {"events": None, "heads": None, "bad": None}
        with answered(self.stdout, report, wanted=options["json"]):
            try:
                self._verify(report, options)
            except BadEvent as error:
                report["bad"] = error.place
                raise
            if not options["json"]:
                if report["heads"] is not None:
                    self.stdout.write(f"{report['heads']} heads found as they were listed")
                self.stdout.write(f"{report['events']} events verified: every link holds")

    def _verify(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        conn = connection.opened()
        if options["member"]:
            report["events"] = _verify_member(conn, options["member"])
        else:
            quiet = options["verbosity"] == 0 or options["json"]
            report["events"] = _verify_all(conn, quiet=quiet)
        if options["heads"]:
            report["heads"] = self._against(options["heads"])

    def _against(self, name: str) -> int:
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
        return len(kept)


class BadEvent(CommandError):
    """The first event that does not hold, by its place in its stream or in its bucket's feed."""

    def __init__(self, words: str, **place: str | int) -> None:
        super().__init__(f"bad event: {words}")
        self.place = place


def _verify_member(conn: "psycopg.Connection[Any]", member_id: str) -> int:
    stream_id = fold.stream_of(member_id)
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
                words = f"bucket {bucket}, position {position} of the feed"
                raise BadEvent(words, bucket=bucket, position=position)
    return verified


def _verify_stream(conn: "psycopg.Connection[Any]", stream_id: str) -> None:
    version = store.verify_stream(conn, stream_id)
    if version is not None:
        words = f"{stream_id}, version {version}"
        raise BadEvent(words, stream_id=stream_id, version=version)
