"""`manage.py backtest`: what would have become of everybody under other rules."""

import json
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from licensing import exporting, fold, simulation
from licensing.simulation import Backtest, NoSuchTrial

MOST = 15  # lines of a list


class Command(BaseCommand):
    """Lives every member's history again under other rules, and counts what differs."""

    help = (
        "Decide every recorded command again under other rules, member by member, with counters "
        "counted anew, and count who would newly be refused or allowed. Nothing is written. Events "
        "that were imported without a command are taken as they are and counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The rules, and whose histories."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("document", nargs="?", metavar="RULES.json", help="the rules to try")
        which.add_argument("--hash", help="a published version instead")
        parser.add_argument("--member", metavar="M", help="only this member")
        parser.add_argument("--json", action="store_true", help="the whole result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 when the rules are none."""
        now = timezone.now()
        try:
            document = None
            if options["document"]:
                document = json.loads(Path(options["document"]).read_text())
            rules = simulation.rules_of(options["hash"], document, now)
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['document']}: {error}") from None
        except NoSuchTrial as wrong:
            raise CommandError(wrong.detail) from None
        members = [
            stream_id.removeprefix(fold.stream_of(""))
            for stream_id, _ in exporting.streams(options["member"])
            if stream_id.startswith(fold.stream_of(""))
        ]
        found = Backtest(rules.hash, now)
        quiet = options["verbosity"] == 0 or None
        trials = simulation.closed_loop(members, rules, until=now)
        for found in tqdm(trials, total=len(members), unit=" members", disable=quiet):  # noqa: B007
            pass
        self.stdout.write(_as_json(found) if options["json"] else _as_text(found))


def _as_json(found: Backtest) -> str:
    told = msgspec.structs.asdict(found)
    for name in ("outcomes", "studios", "plans", "countries"):
        told[name] = [[*key, count] for key, count in told[name].most_common()]
    return msgspec.json.encode(told, order="deterministic").decode()


def _as_text(found: Backtest) -> str:
    lines = [
        f"{found.decisions:,} decisions of {found.members:,} members under {found.hash[:14]}",
        f"{found.affected:,} members would have another history",
    ]
    if found.not_redecided:
        lines.append(f"{found.not_redecided:,} imported events were taken as they are")
    if found.unreadable:
        lines.append(f"{found.unreadable:,} members cannot be read by this build")
    for title, counted in (
        ("Outcomes (was, would be)", found.outcomes),
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
