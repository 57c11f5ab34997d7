"""Who is told by the log of decisions alone comes out as if lived again."""

import copy
import json
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from licensing import codec, deciding, fold, history, obligations, service, simulation, store
from licensing.connection import opened
from licensing.domain.commands import (
    AcquireLicense,
    ChangePlan,
    Command,
    ExtendLicense,
    GrantAllowance,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
)
from licensing.domain.license import LicenseIssued
from licensing.domain.values import DomainError
from licensing.rules import hash_of
from tests.conftest import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=90)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())
STUDIOS = ("Universal Pictures", "Paramount Pictures", "Warner Bros.")


def changed(*changes: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    for change in changes:
        change(document)
    return document


def base(**values: Any) -> Callable[[dict[str, Any]], Any]:
    """Every plan grants these."""

    def change(document: dict[str, Any]) -> None:
        for row in document["tables"][0]["rows"]:
            row["then"].update(values)

    return change


def restriction(path: str, cell: Any, then: dict[str, Any], **row: Any) -> Callable[..., Any]:
    """One more table with one row on a new fact."""

    def change(document: dict[str, Any]) -> None:
        document["facts"]["asked"] = {"path": path, "label": "What was asked"}
        document["tables"].append(
            {
                "id": "more", "title": "More", "hit": "collect", "inputs": ["asked"],
                "outputs": list(then), "merge": dict.fromkeys(then, "min") | {"allow": "and"},
                "rows": [
                    {
                        "id": "more-1", "label": "More", "when": {"asked": cell}, "then": then,
                        "reason": "TITLE_WITHDRAWN", "source": "a test", "owner": "Tests", **row,
                    }
                ],
            }
        )  # fmt: skip
        if "allow" not in then:
            document["tables"][-1]["merge"].pop("allow")

    return change


def daily(document: dict[str, Any]) -> None:
    """A counter that nothing recorded knows."""
    document["facts"]["quality"] = {"path": "title.quality", "label": "Quality"}
    document["counters"]["today"] = {
        "of": "downloads", "label": "Downloads today", "same": ["studio"],
        "window": {"calendar": "day"}, "where": {"title.quality": {"in": ["4K"]}},
    }  # fmt: skip
    document["limits"]["day_max"] = {
        "fact": "today", "reason": "TITLE_YEARLY", "label": "today", "purposes": ["acquire"],
    }  # fmt: skip
    document["tables"][1]["outputs"].append("day_max")
    document["tables"][1]["merge"]["day_max"] = "min"
    document["tables"][1]["rows"][0]["then"]["day_max"] = 1


def renamed(document: dict[str, Any]) -> None:
    document["limits"]["max_devices"]["reason"] = "TOO_MANY_DEVICES"
    document["reasons"]["TOO_MANY_DEVICES"] = "Too many devices."


def standard_only(document: dict[str, Any]) -> None:
    document["defaults"]["plan"] = "premium"


def of_a_studio(document: dict[str, Any]) -> None:
    """The row on a new fact asks for a studio too, so that few decisions are reached by it."""
    (row,) = document["tables"][-1]["rows"]
    document["tables"][-1]["inputs"].append("studio")
    row["when"]["studio"] = {"in": ["Warner Bros."]}


CHANGES = {
    "same": changed(),
    "a label": changed(lambda document: document.update(title="Another title")),
    "roomy": changed(base(max_devices=9)),
    "strict": changed(base(max_devices=1)),
    "other terms": changed(base(license_h=24)),
    "renewals": changed(base(renew_max=0)),
    "renewed for longer": changed(base(renew_ext_h=400, renew_life_h=5000)),
    "renewed earlier": changed(base(renew_window_h=100)),
    "another reason": changed(renamed),
    "another default": changed(standard_only),
    "a studio": changed(restriction("studio", {"in": ["Warner Bros."]}, {"allow": False})),
    "a quality": changed(restriction("title.quality", {"in": ["4K"]}, {"allow": False})),
    "a quality of a studio": changed(
        restriction("title.quality", {"in": ["HD"]}, {"renew_life_h": 200}), of_a_studio
    ),
    "an app": changed(restriction("context.app", {"in": ["old"]}, {"max_downloads": 1})),
    "a device": changed(restriction("device.type", {"in": ["tv"]}, {"max_devices": 1})),
    "a share": changed(restriction("rollout.autumn", {"lt": 5000}, {"max_downloads": 1})),
    "for a week": changed(
        restriction(
            "studio", {"in": ["Warner Bros."]}, {"allow": False},
            **{"from": "2026-03-05T00:00:00Z", "to": "2026-03-12T00:00:00Z"},
        )
    ),
    "a counter": changed(daily),
}  # fmt: skip


class Life:
    """A member who lives by dice, so that everything happens to somebody."""

    def __init__(self, member_id: str, dice: random.Random) -> None:
        self.member_id, self.dice, self.now = member_id, dice, START
        self.licenses: list[str] = []

    def live(self, steps: int) -> None:
        if self.dice.random() < 0.8:  # the others are on the default plan
            self.ask(ChangePlan(self.dice.choice(["basic", "standard", "premium"]), "NL"))
        for _ in range(steps):
            self.now += timedelta(minutes=self.dice.choice([2, 30, 60 * 9, 60 * 40]))
            self.renew_what_is_due()
            command = self.something()
            away = isinstance(command, deciding.REPORTS) and self.dice.random() < 0.5
            self.ask(command, at=self.now - timedelta(hours=60) if away else None)

    def renew_what_is_due(self) -> None:
        """As the job would have, a moment after."""
        for license in history.current(self.member_id).licenses.values():
            due = obligations.renewal_due_at(
                expires_at=license.expires_at, terms=license.terms, renewals=license.renewals
            )
            if license.status == "active" and due is not None and due <= self.now:
                self.ask(
                    RenewLicense(license.license_id),
                    command_id=obligations.renewal_command_id(license.license_id, due),
                    now=max(due, license.issued_at) + timedelta(seconds=9),
                    actor=service.Actor("job", obligations.RENEWAL_ACTOR),
                )

    def something(self) -> Command:
        license_id = self.dice.choice([*self.licenses, "none"])
        match self.dice.choice("aaaaaarrrlplxg"):
            case "r":
                return RenewLicense(license_id)
            case "l":
                return ReleaseLicense(license_id)
            case "p":
                return RecordPlayback(license_id, "start")
            case "x":
                return ExtendLicense(license_id, self.dice.choice([5, 3000]), "sorry")
            case "g" if self.dice.random() < 0.3:
                end = self.now + timedelta(days=9)
                return GrantAllowance("max_devices", 1, end, "sorry", allowance_id=new_id("a"))
            case _:
                return self.download()

    def download(self) -> AcquireLicense:
        number, device = self.dice.randrange(4), self.dice.randrange(3)
        self.licenses.append(new_id("l"))
        return AcquireLicense(
            f"t{number}",
            f"d{device}",
            self.licenses[-1],
            # One title's quality is no text: rules that never asked for it granted it all the same.
            {"studio": STUDIOS[number % 3], "quality": ("4K", "4K", "HD", 8)[number]},
            {"type": "tv" if device == 2 else "tablet", "name": "Mine"},
            {"app": self.dice.choice(["old", "new"])},
        )

    def ask(self, command: Command, **more: Any) -> None:
        how = {
            "command_id": new_id("c"), "now": self.now, "actor": service.Actor("api", "tests"),
        } | more  # fmt: skip
        with suppress(DomainError):  # about a license that there is not
            service.handle(self.member_id, command, recorded_at=how["now"], **how)


@pytest.fixture(scope="module")
def members() -> str:
    """How the ids of twelve members begin; two of them were imported from another store."""
    dice = random.Random(4)
    prefix = f"s{uuid.uuid4().hex[:8]}-"
    for number in range(12):
        Life(f"{prefix}{number}", dice).live(20)
    for number in range(2):
        taken(f"{prefix}{number}", f"{prefix}taken{number}", whole=number == 0)
    return prefix


def taken(source: str, member_id: str, *, whole: bool) -> None:
    """Another member with the events of one and no commands; perhaps without the records."""
    stream = fold.stream_of(member_id)
    pasts = []
    for step in history.load(source).steps:
        recorded = step.recorded
        metadata = recorded.metadata if whole else {}
        told = msgspec.to_builtins(step.event)
        new = store.NewEvent(
            uuid.uuid4(), recorded.type, recorded.schema_version, told, metadata,
            recorded.occurred_at,
        )  # fmt: skip
        pasts.append(store.PastEvent(new, recorded.recorded_at))
    store.import_events(opened(), [store.PastRun(stream, 0, pasts)])


def counted(document: dict[str, Any], members: str, **how: Any) -> simulation.Backtest:
    rules = simulation.rules_of(None, document, LATER)
    how.setdefault("until", LATER)
    *_, last = simulation.backtested(rules, members=members, **how)
    return last.found


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("first_order", [False, True], ids=["closed loop", "first order"])
def test_pruned_is_unpruned(members: str, name: str, first_order: bool) -> None:
    pruned = counted(CHANGES[name], members, first_order=first_order)
    whole = counted(CHANGES[name], members, first_order=first_order, prune=False)
    assert whole.rerun == whole.members == 14
    assert msgspec.structs.replace(pruned, rerun=14) == whole
    if name == "same":
        assert (pruned.affected, pruned.hash) == (0, hash_of(DOCUMENT))
    elif name not in ("a label", "another default"):
        assert pruned.affected > 0


def test_only_members_who_can_differ_are_lived_again(members: str) -> None:
    for name in ("same", "a label"):
        found = counted(CHANGES[name], members)
        # One that was imported without its decisions cannot be told, and lets all pass as it is.
        assert (found.affected, found.rerun) == (0, 0)
        assert found.not_redecided > 0
    narrow = counted(CHANGES["a studio"], members, first_order=True)
    assert 0 < narrow.rerun < narrow.members


def test_whom_one_is_read_with_changes_nothing() -> None:
    """What a command that nobody knows caused is given, beside imported histories or alone."""
    prefix = f"g{uuid.uuid4().hex[:8]}-"
    stream, license_id = fold.stream_of(f"{prefix}1"), f"{prefix}l"
    terms = {"license_hours": 720}
    issued = LicenseIssued(license_id, "t1", "d1", {}, {}, {}, START + timedelta(days=30), terms)
    event = store.NewEvent(uuid.uuid4(), *codec.encode(issued), {}, START)
    record = store.CommandRecord("elsewhere", "BroughtOver", {}, b"-", {"outcome": "accepted"})
    store.append(opened(), stream, [event], record, recorded_at=START)
    alone = counted(CHANGES["strict"], prefix)
    assert (alone.members, alone.rerun, alone.not_redecided) == (1, 0, 1)
    lived = counted(CHANGES["strict"], prefix, prune=False)
    assert alone == msgspec.structs.replace(lived, rerun=0)


def test_first_order_tells_what_was_imported_too(members: str) -> None:
    found = counted(CHANGES["a studio"], f"{members}taken", first_order=True)
    assert found.decisions > 0
    assert found.newly_refused > 0
    assert counted(CHANGES["a studio"], f"{members}taken").decisions == 0


def test_first_order_is_the_closed_loop_where_no_counter_differs() -> None:
    """Each member asks once, so that nothing follows from a decision."""
    prefix = f"o{uuid.uuid4().hex[:8]}-"
    for number in range(9):
        life = Life(f"{prefix}{number}", random.Random(number))
        life.ask(life.download())
    for name, document in CHANGES.items():
        one = counted(document, prefix, first_order=True)
        loop = counted(document, prefix, until=START + timedelta(hours=1))
        assert msgspec.structs.replace(one, rerun=0, until=loop.until) == (
            msgspec.structs.replace(loop, rerun=0)
        ), name


def test_a_renewal_is_as_odd_as_what_it_renews() -> None:
    """The title's quality is no text, which only the request for the download says."""
    member, license_id = new_id("q"), new_id("l")
    life = Life(member, random.Random(1))
    title = {"studio": "Universal Pictures", "quality": 8}
    life.ask(AcquireLicense("t1", "d1", license_id, title))
    life.ask(RenewLicense(license_id))
    for first_order in (False, True):
        how = {"first_order": first_order, "until": START + timedelta(hours=1)}
        found = counted(CHANGES["a quality of a studio"], member, **how)
        lived = counted(CHANGES["a quality of a studio"], member, prune=False, **how)
        assert found == lived
        refused = {would_be for _, _, would_be in found.outcomes}
        assert refused >= {"FACT_UNKNOWN"}


def test_where_a_counter_differs_first_order_tells_too_many(members: str) -> None:
    """Of three devices where one is allowed only the first is refused, and then there is room."""
    prefix = f"c{uuid.uuid4().hex[:8]}-"
    life = Life(f"{prefix}1", random.Random(1))
    life.ask(ChangePlan("premium", "NL"))
    for number in range(3):
        title = {"studio": "Warner Bros."}
        life.ask(AcquireLicense(f"t{number}", f"d{number}", f"{prefix}{number}", title))
        life.ask(ReleaseLicense(f"{prefix}{number - 1}"))
    document = changed(base(max_devices=1))
    assert counted(document, prefix, first_order=True).newly_refused == 2
    assert counted(document, prefix).newly_refused < 2


def test_what_was_recorded_later_does_not_count(members: str) -> None:
    until = START + timedelta(days=5)
    for first_order in (False, True):
        early = counted(CHANGES["strict"], members, until=until, first_order=first_order)
        whole = counted(CHANGES["strict"], members, first_order=first_order)
        assert 0 < early.decisions < whole.decisions
        lived = counted(
            CHANGES["strict"], members, until=until, first_order=first_order, prune=False
        )
        assert early == msgspec.structs.replace(lived, rerun=early.rerun)


def test_a_refusal_that_other_rules_repeated_is_one_under_one_version() -> None:
    """The second refusal was written down because other rules gave it; alone they would not."""
    member = new_id("v")
    life = Life(member, random.Random(1))
    life.ask(ChangePlan("basic", "NL"))
    for number in range(2):
        life.ask(AcquireLicense(f"t{number}", f"d{number}", title={"studio": "Warner Bros."}))
    refused = history.load(member).steps[-1].recorded
    assert refused.type == "AcquisitionRefused"
    again = copy.deepcopy(refused.metadata)
    again["decision"]["rules"]["hash"] = "sha256:other"
    new = store.NewEvent(
        uuid.uuid4(), refused.type, 1, msgspec.to_builtins(history.load(member).steps[-1].event),
        again, START + timedelta(minutes=3),
    )  # fmt: skip
    head = history.head(member)
    run = store.PastRun(fold.stream_of(member), head, [store.PastEvent(new, new.occurred_at)])
    store.import_events(opened(), [run])
    history.forget(member)
    found = counted(CHANGES["same"], member)
    assert found.rerun == 1
