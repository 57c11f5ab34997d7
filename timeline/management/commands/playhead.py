"""`manage.py playhead`: what tools and people ask most, from the command line."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from timeline.calling import Api, Refused, Unreachable

PASSED_ON = {
    "import": ("import_history", "take a history in, from JSON lines"),
    "export": ("export_history", "write a history out, as JSON lines"),
    "verify": ("verify", "recompute the hash chains"),
    "doctor": ("doctor", "examine the installation"),
}
"""What works on this machine's database, by commands of their own: name, what it does."""

REFUSED, UNREACHABLE = 1, 3


class Command(BaseCommand):
    """Asks the API and tells the answer in words, or with --json as it is."""

    help = (
        "Ask an installation about a member: its timeline, its state, why, and what if. Its address"
        " and the key are in PLAYHEAD_URL and PLAYHEAD_KEY; without them this machine's demo is"
        " asked. Import, export, verify and doctor work on this machine's database. Ends with 0;"
        " with 1 for a refusal, 2 for wrong words, 3 when nobody can be asked."
    )
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Hands on what is a command of its own, with all that was said to it."""
        todo = argv[2] if len(argv) > 2 else ""
        if todo in PASSED_ON:
            name = PASSED_ON[todo][0]
            command = load_command_class(get_commands()[name], name)
            command.run_from_argv([argv[0], name, *argv[3:]])
        else:
            super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what is asked, and what that needs."""
        todo = parser.add_subparsers(dest="todo", required=True, metavar="WHAT")
        timeline = _question(todo, "timeline", "the steps of a member's history, from the first on")
        timeline.add_argument("--after", metavar="VERSION", type=int, help="those after a version")
        timeline.add_argument("--limit", type=int, default=50, help="so many at most (default 50)")
        timeline.add_argument("--type", help="of one event type only")
        timeline.add_argument("--entity", help="of one license, device or title only")
        timeline.add_argument("--order", choices=("known", "happened"), default="known")
        state = _question(todo, "state", "the state now, at a version or at an instant")
        state.add_argument("--at-version", type=int, metavar="N", help="0 is before the first")
        state.add_argument("--at", metavar="INSTANT", help="as it happened by 2026-01-31T10:00:00Z")
        state.add_argument("--known-at", metavar="INSTANT", help="with what was known by then")
        why = _question(todo, "why", "why a step came out as it did, or a download would")
        why.add_argument("step", type=int, nargs="?", help="a version of the history")
        why.add_argument("--title", help="instead of a step: may they download this title")
        why.add_argument("--device", help="on this device")
        why.add_argument("--at", metavar="INSTANT", help="then, not now")
        trial = _question(todo, "what-if", "what would have become of a member otherwise")
        trial.add_argument("--from", type=int, default=0, metavar="VERSION", dest="from_version")
        trial.add_argument("--drop", type=int, metavar="VERSION", help="without this step")
        trial.add_argument("--rules", metavar="HASH", help="by another published version")
        trial.add_argument("--rules-file", metavar="FILE", help="by the rules in a file")
        trial.add_argument(
            "--command", metavar="JSON", dest="add",
            help='with this command more: {"command": "AcquireLicense", "data": {...}, "at": ...};'
            " without at it comes right after --from",
        )  # fmt: skip
        for name, (command, words) in PASSED_ON.items():
            todo.add_parser(name, help=f"{words} (manage.py {command} --help)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the answer; a refusal and an unreachable server are told in one line."""
        asked = getattr(self, "_" + options["todo"].replace("-", "_"))
        try:
            api = Api.found(options["url"], options["key"], settings.HOME)
            answer, lines = asked(api, options)
        except Refused as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except Unreachable as error:
            raise CommandError(str(error), returncode=UNREACHABLE) from None
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))
        else:
            for line in lines:
                self.stdout.write(line)

    def _timeline(self, api: Api, options: dict[str, Any]) -> tuple[Any, Iterator[str]]:
        asked = {name: options[name] for name in ("after", "limit", "type", "entity", "order")}
        answer = api.get("members", options["member"], "timeline", **asked)
        return answer, _steps(answer)

    def _state(self, api: Api, options: dict[str, Any]) -> tuple[Any, Iterator[str]]:
        instants = {"at": options["at"], "known_at": options["known_at"]}
        version = options["at_version"]
        answer = api.get("members", options["member"], "state", version=version, **instants)
        return answer, _whole(answer)

    def _why(self, api: Api, options: dict[str, Any]) -> tuple[Any, Iterator[str]]:
        member = options["member"]
        if options["step"] is not None:
            answer = api.get("members", member, "events", options["step"])
            return answer, _reason(answer["sentence"], answer["decision"])
        if not options["title"] or not options["device"]:
            raise CommandError("say a step, or --title and --device", returncode=2)
        body = {"title_id": options["title"], "device_id": options["device"]}
        if options["at"]:
            body["at"] = options["at"]
        answer = api.post(body, "members", member, "explanations")
        turns = [turn["words"] for turn in answer["turns"]]
        return answer, _reason(f"It would be {answer['outcome']}.", answer["decision"], turns)

    def _what_if(self, api: Api, options: dict[str, Any]) -> tuple[Any, Iterator[str]]:
        body: dict[str, Any] = {"from_version": options["from_version"]}
        if options["drop"] is not None:
            body["drop"] = options["drop"]
        if options["rules"] or options["rules_file"]:
            body["rules"] = _rules(options)
        if options["add"] is not None:
            body["add"] = _one_more(options["add"])
        answer = api.post(body, "members", options["member"], "what-if")
        return answer, _trial(answer)


def _question(todo: Any, name: str, words: str) -> ArgumentParser:
    parser: ArgumentParser = todo.add_parser(name, help=words, description=words)
    parser.add_argument("member", help="the member's id")
    parser.add_argument("--json", action="store_true", help="the answer as the API gives it")
    parser.add_argument("--url", help="in place of PLAYHEAD_URL")
    parser.add_argument("--key", help="in place of PLAYHEAD_KEY; others here may see it")
    return parser


def _rules(options: dict[str, Any]) -> dict[str, Any]:
    if options["rules"]:
        return {"hash": options["rules"]}
    try:
        with open(options["rules_file"], "rb") as file:
            return {"document": json.load(file)}
    except (OSError, ValueError) as error:
        raise CommandError(f"{options['rules_file']}: {error}", returncode=2) from None


def _one_more(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--command: not JSON: {error}", returncode=2) from None


def _steps(answer: dict[str, Any]) -> Iterator[str]:
    for step in answer["items"]:
        late = f" (late by {step['late_seconds']} s)" if step["late_seconds"] else ""
        yield f"{step['version']:>6}  {step['occurred_at']:<27}  {step['sentence']}{late}"
    if not answer["items"]:
        yield "no steps"
    if answer["next"]:
        yield "       … and more: --after, --limit"


def _whole(answer: dict[str, Any]) -> Iterator[str]:
    when = answer["as_at"] or "the beginning"
    yield f"{answer['member_id']} at version {answer['version']}, {when}"
    yield json.dumps(answer["state"], indent=2, ensure_ascii=False)


def _reason(
    sentence: str, decision: dict[str, Any] | None, turns: list[str] | None = None
) -> Iterator[str]:
    yield sentence
    if decision is None:
        yield "No rule decided this."
        return
    rules = decision["rules"]
    yield f"{decision['verdict']} by row {decision['row']} of {rules['id']} {rules['version']}"
    if decision["reason"]:
        yield f"reason: {decision['reason']}"
    for limit in decision["limits"]:
        mark = "ok" if limit["ok"] else "NO"
        yield f"  {mark}  {limit['value']} of {limit['max']} {limit['label']} (row {limit['row']})"
    for words in turns or ():
        yield f"  it would turn: {words}"


def _trial(answer: dict[str, Any]) -> Iterator[str]:
    first = answer["divergence"]
    if first is None:
        yield "Nothing would have come out otherwise."
    else:
        was, now = (first[side]["outcome"] or "nothing" for side in ("was", "would_be"))
        yield f"First otherwise: {first['command']} at {first['at']}: {was} → {now}"
    same, given = answer["unchanged"], answer["not_redecided"]
    yield f"{len(answer['deeds'])} otherwise, {same} the same, {given} not decided again"
    for change in answer["difference"]:
        before, after = json.dumps(change["before"]), json.dumps(change["after"])
        yield f"  {change['path']}: {before} → {after}"
