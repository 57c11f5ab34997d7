"""Brings the read models to the head of the feed, rebuilds them, or says how far they are."""

import signal
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from tqdm import tqdm

from licensing import trail
from projections import builds, parking, runner
from projections.builds import Build, Comparison
from projections.lag import lag
from projections.registry import PROJECTORS, named

ACTIONS = [
    "status", "rebuild", "compare", "swap", "cancel", "rollback", "history", "parked", "retry",
    "skip",
]  # fmt: skip
NOTED = ("rebuild", "compare", "swap", "cancel", "rollback", "retry", "skip")


class Command(BaseCommand):
    """The read models' command line."""

    help = (
        "status (the default): how far each read model is. rebuild NAME: build it anew beside the"
        " live one, compare, and put it in its place; the same again goes on with a rebuild that"
        " was cut off. compare, swap, cancel NAME: for a rebuild with --hold. rollback NAME: back"
        " to the build before. history NAME: every build. parked: what could not be applied;"
        " retry [NAME [STREAM]], skip NAME STREAM --at VERSION --reason WHY. With --once bring"
        " everything level, with --forever follow the feed; any number may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """An action, and what it is about."""
        parser.add_argument("action", nargs="?", choices=ACTIONS, help="status, if none")
        names = ", ".join(projector.name for projector in PROJECTORS)
        parser.add_argument("name", nargs="?", metavar="NAME", help=names)
        parser.add_argument("stream", nargs="?", metavar="STREAM", help="such as member-m1")
        parser.add_argument(
            "--at", type=int, metavar="VERSION", help="the event to be skipped, as `parked` says"
        )
        parser.add_argument("--reason", default="", help="why; kept")
        parser.add_argument("--by", default="command line", help="who; kept")
        parser.add_argument("--hold", action="store_true", help="do not swap; wait for `swap`")
        parser.add_argument(
            "--no-work", action="store_true", help="leave the work to the workers that run"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--once", action="store_true", help="catch up with the feed, then exit")
        mode.add_argument("--forever", action="store_true", help="follow the feed until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        """Does one thing."""
        if options["action"] and (options["once"] or options["forever"]):
            raise CommandError(f"Not both: {options['action']}, and follow the feed.")
        if options["once"]:
            self.stdout.write(f"{runner.catch_up()} events applied, counted per build")
        elif options["forever"]:
            self._follow()
        else:
            options["action"] = options["action"] or "status"
            try:
                _check(options)
                _note(options)
                getattr(self, f"_{options['action']}")(options)
            except (
                builds.Refused, parking.NotParked, LookupError, ValueError, trail.NotNoted,
                OperationalError,
            ) as error:  # fmt: skip
                raise CommandError(str(error).strip()) from None

    def _follow(self) -> None:
        stopped: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, frame: stopped.append(received))
        self.stdout.write("Following the feed; Ctrl-C stops.")
        runner.forever(lambda: bool(stopped))

    def _status(self, options: dict[str, Any]) -> None:
        for item in lag([named(options["name"])] if options["name"] else PROJECTORS):
            behind = f"{item['lag']['events']} events, {item['lag']['seconds']:.1f} s behind"
            self.stdout.write(f"{item['name']:20} {item['state']:10} {behind}")
            if item["rebuild"]:
                done = f"{item['rebuild']['percent']:.1f} % at {item['rebuild']['rate']:.0f}/s"
                self.stdout.write(f"{'':20} beside it: {item['rebuild']['state']}, {done}")
        self._parked(options)

    def _rebuild(self, options: dict[str, Any]) -> None:
        name = _name(options)
        build = builds.in_progress(name)
        if build is None:
            asked = {"by": options["by"], "reason": options["reason"] or None}
            build = builds.request(name, hold=options["hold"], **asked)
        else:
            self.stdout.write(f"Going on with what {build.requested_by} began.")
        if options["no_work"]:
            self.stdout.write(f"Generation {build.generation} of {name} is asked for.")
            return
        build = self._work(build)
        if build.comparison:
            self._told(build.comparison)
        self.stdout.write(f"Generation {build.generation} of {name} is {build.state}.")
        if build.state == "ready" and not build.hold:
            self.stdout.write(f"It waits for `swap`. Parked streams in it: {build.parked}.")

    def _work(self, build: Build) -> Build:
        """Take part in the work until the build is done, with a bar for people."""
        quiet = not self.stderr.isatty()
        with tqdm(
            total=build.target, unit=" events", disable=quiet, file=self.stderr, leave=False
        ) as bar:
            while build.state == "building":
                runner.catch_up(2.0)
                build = _again(build)
                bar.total = build.target
                bar.update(build.position - bar.n)
                if build.state == "building":
                    time.sleep(0.05)
        return build

    def _compare(self, options: dict[str, Any]) -> None:
        self._told(builds.compare(_name(options)))

    def _told(self, found: Comparison) -> None:
        where = f"{found.rows} rows in {found.buckets} buckets compared"
        if found.equal:
            self.stdout.write(f"{where}: equal.")
            return
        self.stdout.write(f"{where}: {found.only_live} only live, {found.only_new} only new.")
        for kind, rows in (("live", found.live_samples), ("new", found.new_samples)):
            for row in rows:
                self.stdout.write(f"  {kind}: {row}")

    def _swap(self, options: dict[str, Any]) -> None:
        self._done(builds.swap, options)

    def _cancel(self, options: dict[str, Any]) -> None:
        self._done(builds.cancel, options)

    def _rollback(self, options: dict[str, Any]) -> None:
        self._done(builds.roll_back, options)

    def _done(self, what: Callable[..., Build], options: dict[str, Any]) -> None:
        build = what(_name(options), by=options["by"])
        self.stdout.write(f"Generation {build.generation} of {build.projection} is {build.state}.")

    def _history(self, options: dict[str, Any]) -> None:
        for build in builds.history(_name(options)):
            asked = f"asked for by {build.requested_by} at {build.requested_at:%Y-%m-%d %H:%M}"
            what = f"generation {build.generation}, side {build.side}, version {build.version}"
            self.stdout.write(f"{what}: {build.state}, {asked}")

    def _parked(self, options: dict[str, Any]) -> None:
        for parked in parking.listing(options["name"]):
            at = f"build {parked.generation} {parked.stream_id} from version {parked.version}"
            tries = f"{parked.waiting} waiting, {parked.attempts} attempts"
            self.stdout.write(f"parked: {parked.projection} {at}, {tries}: {parked.error}")

    def _retry(self, options: dict[str, Any]) -> None:
        wanted = [named(options["name"])] if options["name"] else list(PROJECTORS)
        if options["stream"]:
            tried = [
                parking.retry(
                    wanted[0], row.bucket, row.stream_id, by=options["by"],
                    generation=row.generation,
                )
                for row in _standing(options)
            ]  # fmt: skip
            level, left = sum(tried), len(tried) - sum(tried)
        else:
            counted = [parking.retry_all(projector, by=options["by"]) for projector in wanted]
            level, left = sum(a for a, _ in counted), sum(b for _, b in counted)
        self.stdout.write(f"{level} level again, {left} still parked")

    def _skip(self, options: dict[str, Any]) -> None:
        asked = {"by": options["by"], "reason": options["reason"]}
        for row in _standing(options):
            level = parking.skip(
                named(row.projection), row.bucket, row.stream_id, row.version,
                generation=row.generation, **asked,
            )  # fmt: skip
            then = "level again" if level else "a later one is in the way"
            self.stdout.write(f"event {row.version} is left out of build {row.generation}: {then}")


def _standing(options: dict[str, Any]) -> list[parking.Parked]:
    """The stream where it is parked: in the live build, in the one that grows, or in both."""
    found = parking.standing(_name(options), options["stream"], options["at"])
    if not found:
        at = "" if options["at"] is None else f" at event {options['at']}"
        raise parking.NotParked(f"{options['stream']} is not parked in {options['name']}{at}.")
    return found


def _check(options: dict[str, Any]) -> None:
    """What is missing or unknown is said before anything is noted or done."""
    if options["name"]:
        named(options["name"])
    if options["action"] == "skip":
        if not options["stream"] or options["at"] is None:
            raise ValueError("Which event? Give NAME, STREAM and --at VERSION, as `parked` says.")
        if not options["reason"].strip():
            raise ValueError("To skip an event needs a reason: give --reason.")


def _note(options: dict[str, Any]) -> None:
    """What is done here is in the audit trail, as it would be had a page been asked."""
    if options["action"] not in NOTED:
        return
    name = named(_name(options)).name if options["name"] or options["action"] != "retry" else "all"
    about = {"by": options["by"], "stream": options["stream"], "version": options["at"]}
    trail.record(
        trail.at_the_command_line(), "operate", f"projection:{name}",
        purpose=f"manage.py project {options['action']}", reason=options["reason"],
        **{key: value for key, value in about.items() if value is not None},
    )  # fmt: skip


def _name(options: dict[str, Any]) -> str:
    if not options["name"]:
        raise CommandError("Which read model? Give its NAME.")
    return str(options["name"])


def _again(build: Build) -> Build:
    return next(
        each for each in builds.history(build.projection) if each.generation == build.generation
    )
