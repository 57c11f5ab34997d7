"""`manage.py backtest`: what would have become of everybody under other rules."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from licensing import backtests, guard, rulebook, simulation
from licensing.backtests import Level, Run, State
from licensing.rulebook import NoRules
from licensing.simulation import Backtest, NoSuchTrial

MOST = 15  # lines of a list


class Command(BaseCommand):
    """Tries other rules on every member's history, and counts what differs."""

    help = (
        "Count who would newly be refused or allowed under other rules. Recorded commands are "
        "decided again member by member, with counters counted anew and the jobs asked anew; "
        "events that were imported without a command are taken as they are and counted. Members "
        "for whom no decision can differ are not lived again. The result is kept; Ctrl-C stops, "
        "and --resume goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The rules, whose histories, and how far."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("document", nargs="?", metavar="RULES.json", help="the rules to try")
        which.add_argument("--hash", help="a published version instead")
        which.add_argument("--resume", metavar="RUN", type=UUID, help="go on with a stopped run")
        parser.add_argument("--member", metavar="M", help="only this member")
        parser.add_argument(
            "--first-order", action="store_true",
            help="decide each by itself on what was recorded, without living anybody again",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="the whole result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 when the rules are none, and when it was stopped."""
        run = self._resumed(options["resume"]) if options["resume"] else self._started(options)
        bar = tqdm(
            total=run.members_total, unit=" members", file=self.stderr,
            disable=options["verbosity"] == 0 or None, dynamic_ncols=True,
        )  # fmt: skip

        def show(found: Backtest) -> None:
            bar.set_postfix_str(f"{found.decisions:,} decisions", refresh=False)
            bar.update(found.members - bar.n)

        def show_reading(ahead: int) -> None:
            bar.set_postfix_str(f"{ahead:,} decisions read")

        try:
            with bar:
                done = backtests.work(run.id, progress=show, reading=show_reading)
        except KeyboardInterrupt:
            done = backtests.stop(run.id)
        if done is None:
            raise CommandError("Somebody else works on it already.")
        if done.state != State.DONE:
            raise CommandError(f"Stopped; go on with: manage.py backtest --resume {done.id}")
        self.stdout.write(_as_json(done) if options["json"] else _as_text(done))

    def _started(self, options: dict[str, Any]) -> Run:
        try:
            return backtests.start(
                self._document(options),
                by="manage.py",
                level=Level.FIRST_ORDER if options["first_order"] else Level.CLOSED_LOOP,
                member_id=options["member"],
            )
        except (NoSuchTrial, NoRules) as wrong:
            raise CommandError(str(wrong)) from None

    def _document(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["hash"]:
            found = rulebook.life_of().published.get(options["hash"])
            if found is None:
                raise CommandError("No version with this hash was ever published.")
            return found
        try:
            return guard.read_json(Path(options["document"]).read_bytes(), guard.RULES)
        except (OSError, guard.Refused) as error:
            raise CommandError(f"{options['document']}: {error}") from None

    def _resumed(self, run_id: UUID) -> Run:
        run = backtests.resume(run_id)
        if run is None:
            raise CommandError(f"There is no run {run_id}.")
        if run.state == State.DONE:
            raise CommandError("It is done already.")
        return run


def _as_json(run: Run) -> str:
    about = {name: str(getattr(run, name)) for name in ("id", "level", "hash", "in_force")}
    told = {**simulation.as_values(run.result), **about}
    return msgspec.json.encode(told, order="deterministic").decode()


def _as_text(run: Run) -> str:
    found = run.result
    lines = [
        f"{found.decisions:,} decisions of {found.members:,} members under {run.hash[:14]}, "
        f"in {run.worked_s:.1f} s ({run.level}, run {run.id})",
        f"{found.newly_refused:,} newly refused, {found.newly_allowed:,} newly allowed, "
        f"{found.other_terms:,} on other terms",
    ]
    if run.level == Level.CLOSED_LOOP:
        lines.append(
            f"{found.affected:,} members would have another history; "
            f"{found.rerun:,} were lived again to find out"
        )
    if found.not_redecided:
        lines.append(f"{found.not_redecided:,} imported events were taken as they are")
    if found.unreadable:
        lines.append(f"{found.unreadable:,} members cannot be read by this build")
    for title, counted in (
        ("Outcomes (was, would be)", found.outcomes),
        ("By row", found.rows),
        ("By studio", found.studios),
        ("By plan", found.plans),
        ("By country", found.countries),
    ):
        lines += _listed(title, counted)
    if found.samples:
        lines += ["", "For one"]
        lines += [
            f"  {each.member_id} step {each.version}: {each.was}, would be {each.would_be}"
            for each in found.samples
        ]
    return "\n".join(lines)


def _listed(title: str, counted: "Counter[Any]") -> list[str]:
    if not counted:
        return []
    told = [f"  {count:>9,}  {', '.join(key)}" for key, count in counted.most_common(MOST)]
    more = len(counted) - MOST
    return ["", title, *told, *([f"  and {more:,} more"] if more > 0 else [])]
