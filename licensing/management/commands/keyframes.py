"""`manage.py keyframes`: writes, checks or deletes the keyframes of members."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from licensing import connection, fold, history, keyframes, store


class Command(BaseCommand):
    """Keeps the keyframes that scrubbing and commands fold from."""

    help = (
        "Write the keyframes of every member (or one), so that no first visit has to; "
        "with --check fold stored ones again and compare; with --delete throw them all away. "
        "Keyframes are disposable: nothing but time is lost by deleting them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and with whom."""
        parser.add_argument("--member", metavar="M", help="only this member")
        todo = parser.add_mutually_exclusive_group()
        todo.add_argument(
            "--check", type=int, metavar="N", help="fold N stored keyframes again and compare"
        )
        todo.add_argument("--delete", action="store_true", help="delete all keyframes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 when a keyframe does not hold; it is deleted then."""
        quiet = options["verbosity"] == 0 or None
        if options["check"] is not None:
            self._check(keyframes.sample(options["check"]), quiet=quiet)
            return
        members = [options["member"]] if options["member"] else list(_members())
        done = 0
        with tqdm(members, unit=" members", disable=quiet) as bar:
            for member_id in bar:
                if options["delete"]:
                    done += keyframes.drop(member_id)
                else:
                    history.frame(member_id)
                    done += 1
        what = "keyframes deleted" if options["delete"] else "members have their keyframes"
        self.stdout.write(f"{done:,} {what}")

    def _check(self, chosen: list[tuple[str, int]], *, quiet: bool | None) -> None:
        wrong = [
            f"{stream_id}, version {version}"
            for stream_id, version in tqdm(chosen, unit=" keyframes", disable=quiet)
            if not keyframes.holds(stream_id, version)
        ]
        for name in wrong:
            keyframes.drop(name.split(",")[0].removeprefix(fold.stream_of("")))
        if wrong:
            raise CommandError("wrong keyframes, deleted: " + "; ".join(wrong))
        self.stdout.write(f"{len(chosen):,} keyframes folded again: every one holds")


def _members() -> list[str]:
    conn, prefix = connection.opened(), fold.stream_of("")
    return [
        stream_id.removeprefix(prefix)
        for bucket in range(store.BUCKETS)
        for stream_id, _ in store.streams_of_bucket(conn, bucket)
        if stream_id.startswith(prefix)
    ]
