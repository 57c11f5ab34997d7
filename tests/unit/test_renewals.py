"""Renewals by the rules as written: window, extension, how often, life, grace, withdrawal."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licensing import deciding, rules
from licensing.domain import member as members
from licensing.domain.commands import (
    AcquireLicense,
    ChangePlan,
    Command,
    ExpireLicense,
    ExtendLicense,
    RenewLicense,
)
from licensing.domain.license import LicenseRenewed, RenewalRefused
from licensing.domain.values import Moment

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_2.json").read_text())
TERMS = next(row for row in DOCUMENT["tables"][0]["rows"] if row["id"] == "b-standard")["then"]
LASTS, WINDOW, ADDS, LIFE = (
    TERMS[name] for name in ("license_h", "renew_window_h", "renew_ext_h", "renew_life_h")
)
GRACE = 72


def published(**terms: int) -> rules.PublishedRules:
    """The demo's rules, where the standard plan grants these."""
    document = copy.deepcopy(DOCUMENT)
    base = document["tables"][0]
    base["outputs"] += [name for name in terms if name not in base["outputs"]]
    for row in base["rows"]:
        row["then"].update(terms)
    compiled = rules.Compiled(rules.parse(document))
    return rules.PublishedRules("r", 1, rules.hash_of(document), START, START, compiled)


class Story:
    """A member on the standard plan with one download, whose commands are decided by rules."""

    def __init__(self, in_force: rules.PublishedRules, title: str = "ikiru") -> None:
        self.rules, self.member = in_force, members.Member("ada")
        self.ask(ChangePlan("standard", "NL"), 0)
        self.ask(AcquireLicense(title, "ipad", "l1", {"studio": "Toho"}, {"type": "tablet"}), 0)

    def ask(self, command: Command, hours: float) -> Any:
        """The last event that came of it at so many hours after the start, or None."""
        moment = Moment(now := START + timedelta(hours=hours), now)
        decided = deciding.decide(command, self.member, moment, lambda at: self.rules)
        for event in decided.events:
            self.member = members.evolve(self.member, event, now, decided_at=now)
        return decided.events[-1] if decided.events else None

    def renew(self, hours: float) -> datetime | str:
        """The new end, or the reason why not."""
        came = self.ask(RenewLicense("l1"), hours)
        assert isinstance(came, LicenseRenewed | RenewalRefused)
        return came.reason if isinstance(came, RenewalRefused) else came.expires_at


def after(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_a_window_opens_before_the_end_and_a_renewal_adds_to_it() -> None:
    story = Story(published())
    assert story.renew(LASTS - WINDOW - 1) == "RENEWAL_TOO_EARLY"
    assert story.renew(LASTS - WINDOW) == after(LASTS + ADDS)


def test_asked_again_at_once_a_renewal_is_too_early() -> None:
    story = Story(published())
    assert story.renew(LASTS - 1) == after(LASTS + ADDS)
    assert story.renew(LASTS - 1) == "RENEWAL_TOO_EARLY"
    assert story.member.licenses["l1"].renewals == 1


def test_there_are_so_many_renewals() -> None:
    story = Story(published(renew_max=2))
    assert story.renew(LASTS - 1) == after(LASTS + ADDS)
    assert story.renew(LASTS + ADDS - 1) == after(LASTS + 2 * ADDS)
    assert story.renew(LASTS + 2 * ADDS - 1) == "RENEWALS_USED_UP"


def test_no_renewal_passes_the_longest_life() -> None:
    story = Story(published(renew_max=99, renew_life_h=LASTS + ADDS + 5))
    assert story.renew(LASTS - 1) == after(LASTS + ADDS)
    assert story.renew(LASTS + ADDS - 1) == after(LASTS + ADDS + 5)  # not whole
    assert story.renew(LASTS + ADDS + 4) == "LICENSE_LIFE"


def test_without_a_grace_the_end_is_the_end() -> None:
    assert Story(published()).renew(LASTS) == "LICENSE_ENDED"


def test_within_its_grace_a_license_is_still_renewed() -> None:
    in_force = published(renew_grace_h=GRACE)
    assert Story(in_force).renew(LASTS + GRACE - 0.1) == after(LASTS + GRACE - 0.1 + ADDS)
    assert Story(in_force).renew(LASTS + GRACE) == "LICENSE_ENDED"


def test_a_grace_makes_no_life_longer_and_no_renewal_more() -> None:
    used_up = Story(published(renew_grace_h=GRACE, renew_max=0))
    assert used_up.renew(LASTS + 1) == "RENEWALS_USED_UP"
    old = Story(published(renew_grace_h=GRACE, renew_life_h=LASTS + 10))
    assert old.renew(LASTS + 11) == "LICENSE_LIFE"
    assert old.renew(LASTS + 5) == after(LASTS + 10)


def test_in_its_grace_a_license_counts() -> None:
    """It holds its device and its place, so that its renewal cannot exceed a limit."""
    story = Story(published(renew_grace_h=GRACE, max_devices=1))
    other = AcquireLicense("vertigo", "phone", "l2", {"studio": "Paramount Pictures"})
    assert story.ask(other, LASTS + 1).reason == "DEVICE_LIMIT"
    assert story.ask(ExpireLicense("l1"), LASTS + 1) is None
    assert story.ask(other, LASTS + GRACE).license_id == "l2"


def test_support_extends_in_a_grace_from_that_moment_on() -> None:
    story = Story(published(renew_grace_h=GRACE))
    came = story.ask(ExtendLicense("l1", 24, "sorry", "e1"), LASTS + 50)
    assert came.expires_at == after(LASTS + 74)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"when": {"title": {"in": ["ikiru"]}}}, "TITLE_WITHDRAWN"),
        ({"when": {"title": {"in": ["ikiru"]}, "country": {"in": ["NL"]}}}, "TITLE_WITHDRAWN"),
        ({"when": {"title": {"in": ["ikiru"]}, "country": {"in": ["DE"]}}}, None),
        ({"when": {"title": {"in": ["vertigo"]}}}, None),
    ],
)
def test_what_was_withdrawn_meanwhile_is_not_renewed(
    row: dict[str, Any], reason: str | None
) -> None:
    def withdrawn(document: dict[str, Any]) -> None:
        table = next(each for each in document["tables"] if each["id"] == "withdrawn")
        table["rows"].append(
            {"id": "wd-new", "then": {"allow": False}, "reason": "TITLE_WITHDRAWN", **row}
        )

    story = Story(published())
    story.rules = changed(withdrawn)
    came = story.renew(LASTS - 1)
    assert came == (reason or after(LASTS + ADDS))


def changed(change: Callable[[dict[str, Any]], None]) -> rules.PublishedRules:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    compiled = rules.Compiled(rules.parse(document))
    return rules.PublishedRules("r", 2, rules.hash_of(document), START, START, compiled)
