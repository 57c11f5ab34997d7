"""The answer to whether a title can be downloaded, in words that can be passed on."""

from datetime import datetime

import msgspec

from licensing.domain.commands import AcquireLicense
from licensing.domain.member import Member
from licensing.rules import PublishedRules
from licensing.service import Explained
from timeline.presenters import clock, decision, explanations
from timeline.presenters.decision import Line, RowOf
from timeline.presenters.sentences import Names


class Answer(msgspec.Struct, frozen=True):
    """`verdict` is allowed, refused or held (the device has it); `version` is the step known."""

    verdict: str
    line: Line
    why: decision.Why | None
    turns: tuple[str, ...]
    paste: str
    version: int


def answer(
    found: Explained,
    command: AcquireLicense,
    member: Member,
    names: Names,
    published: PublishedRules | None,
    row_of: RowOf,
    at: datetime | None,
) -> Answer:
    """Put a dry run into words; `at` is the past moment that was asked about."""
    decided = found.decided
    names.learn("AcquisitionRefused", msgspec.to_builtins(command))
    title, device = names.title(command.license_id), names.device(command.device_id)
    if decided.decision is None:
        line = Line("It is there already: ", title, f" is valid on {device}.")
        return Answer("held", line, None, (), f"{_when(at)} {title} {_is(at)} already on {device}.",
                      found.version)  # fmt: skip
    data = msgspec.to_builtins(command)
    line = _as_a_trial(decision.verdict(decided.decision, data, member, names, published))
    paste = _paste(decided.outcome, title, device, line, at)
    return Answer(
        "allowed" if decided.outcome == "accepted" else "refused",
        line,
        decision.told(decided.decision, line, paste, published, row_of),
        tuple(explanations.turn(turn, decided.outcome) for turn in found.turns),
        paste,
        found.version,
    )


def _as_a_trial(line: Line) -> Line:
    """A sentence about a step, said of one that has not been taken."""
    after = line.after.replace(" before this step, ", " now, ").replace(". another", ". Another")
    return msgspec.structs.replace(line, after=after)


def _paste(outcome: str, title: str, device: str, line: Line, at: datetime | None) -> str:
    told = line.text.removeprefix("Allowed. ")
    if at is not None:
        told = told.replace("are already", "were already").replace(" now, ", " then, ")
    yes, no = ("can", "cannot") if at is None else ("could", "could not")
    verb = yes if outcome == "accepted" else no
    return f"{_when(at)} {title} {verb} be downloaded to {device}. {told}"


def _when(at: datetime | None) -> str:
    if at is None:
        return "At the moment"
    return f"On {clock.long_date(at)} at {clock.minute(at)} UTC"


def _is(at: datetime | None) -> str:
    return "is" if at is None else "was"
