"""Counters as data: windows of hours, days and calendars in a zone, conditions, distinct, live."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from licensing import rules, terms
from licensing.domain import member as members
from licensing.domain.commands import AcquireLicense
from licensing.domain.license import (
    AcquisitionRefused,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    PlaybackStarted,
)
from licensing.domain.member import Member
from licensing.domain.membership import PlanChanged
from licensing.domain.values import Moment
from licensing.rules.facts import Counter, count
from licensing.rules.windows import Window, span, within
from tests.spec import GRANT

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())
SAO_PAULO, AMSTERDAM = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("window", "zone", "at", "first", "last"),
    [
        (24, UTC, "2026-03-01T12:00Z", "2026-02-28T12:00:00.000001Z", "2026-03-01T12:00Z"),
        (Window(days=7), UTC, "2026-03-08T00:00Z", "2026-03-01T00:00:00.000001Z", None),
        ("calendar_year", UTC, "2026-03-01T12:00Z", "2026-01-01T00:00Z", "2026-12-31T23:59:59Z"),
        (Window(calendar="day"), SAO_PAULO, "2026-03-01T02:00Z", "2026-02-28T03:00Z",
         "2026-03-01T02:59:59Z"),
        (Window(calendar="day"), AMSTERDAM, "2026-03-29T12:00Z", "2026-03-28T23:00Z",
         "2026-03-29T21:59:59Z"),  # the night in which an hour is missing
        (Window(calendar="week"), AMSTERDAM, "2026-03-01T12:00Z", "2026-02-22T23:00Z",
         "2026-03-01T22:59:59Z"),
        (Window(calendar="month"), AMSTERDAM, "2026-12-31T23:30Z", "2026-12-31T23:00Z",
         "2027-01-31T22:59:59Z"),
        (Window(calendar="year"), SAO_PAULO, "2027-01-01T01:00Z", "2026-01-01T03:00Z",
         "2027-01-01T02:59:59Z"),
    ],
)  # fmt: skip
def test_a_window_begins_and_ends_where_its_zone_says(
    window: Any, zone: Any, at: str, first: str, last: str | None
) -> None:
    found = span(window, datetime.fromisoformat(at), zone)
    start = datetime.fromisoformat(first)
    assert within(found, start)
    assert not within(found, start - timedelta(microseconds=1))
    if last is not None:
        assert within(found, datetime.fromisoformat(last))
    if found[1] is not None:
        assert found[1] == datetime.fromisoformat(str(last)) + timedelta(seconds=1)


def lived(*past: tuple[datetime, Any]) -> Member:
    member = Member("ada")
    for at, event in past:
        member = members.evolve(member, event, at, decided_at=at)
    return member


def issued(
    license_id: str, quality: str, studio: str = "X", device: str = "phone"
) -> LicenseIssued:
    title = {"studio": studio, "quality": quality}
    about = {"type": device}
    return LicenseIssued(
        license_id, f"t-{license_id}", f"d-{device}", title, about, {}, NOON + timedelta(9), GRANT
    )


REQUEST = {"title_id": "t", "device_id": "d", "studio": "X", "title": {"quality": "4K"},
           "device": {"type": "tv"}}  # fmt: skip
PAST = lived(
    (NOON - timedelta(hours=30), issued("a", "4K")),
    (NOON - timedelta(hours=10), issued("b", "4K", device="tv")),
    (NOON - timedelta(hours=9), issued("c", "HD")),
    (NOON - timedelta(hours=8), issued("d", "4K", studio="Y")),
    (NOON - timedelta(hours=7), PlaybackStarted("b")),
    (NOON - timedelta(hours=6), LicenseReleased("c")),
    (NOON - timedelta(hours=5), LicenseRenewed("b", NOON, NOON + timedelta(10), 1)),
    (NOON - timedelta(hours=4),
     AcquisitionRefused("z", "t-z", "d-tv", {"studio": "X"}, {}, {}, "DEVICE_LIMIT")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("counter", "before", "after"),
    [
        (Counter("downloads", ""), 4, 5),
        (Counter("downloads", "", window=Window(days=1)), 3, 4),
        (Counter("downloads", "", where={"title.quality": {"in": ["4K"]}}), 3, 4),
        (Counter("downloads", "", where={"title.quality": {"in": ["HD"]}}), 1, 1),
        (Counter("downloads", "", ("studio",), where={"title.quality": {"in": ["4K"]}}), 2, 3),
        (Counter("downloads", "", ("title.quality",), window=24), 2, 3),
        (Counter("downloads", "", distinct="device.type"), 2, 2),
        (Counter("downloads", "", distinct="title.quality", where={"studio": {"in": ["X"]}}), 2, 2),
        (Counter("downloads", "", live=True), 3, 4),
        (Counter("downloads", "", live=True, where={"title.quality": {"in": ["4K"]}}), 3, 4),
        (Counter("playbacks", "", where={"device.type": {"in": ["tv"]}}), 1, 2),
        (Counter("releases", ""), 1, 2),
        (Counter("renewals", "", ("studio",)), 1, 2),
        (Counter("refusals", "", ("studio",), window=24), 1, 2),
        (Counter("refusals", "", where={"title.quality": {"is_null": True}}), 1, 1),
    ],
)
def test_a_counter_is_declared_and_counts(counter: Counter, before: int, after: int) -> None:
    cells = as_read(counter)
    past = terms.past_of(PAST, Moment(NOON, NOON))
    found = count(cells, REQUEST, past, NOON)
    assert (found.before, found.after) == (before, after)


def as_read(counter: Counter) -> Counter:
    """The counter as it is read from a document, its cells typed."""
    return msgspec.convert(msgspec.to_builtins(counter), Counter)


def published(change: Any) -> rules.PublishedRules:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    compiled = rules.Compiled(rules.parse(document))
    return rules.PublishedRules("r", 1, "sha256:x", NOON, NOON, compiled)


def test_a_restriction_nobody_had_thought_of_is_data() -> None:
    """At most 2 downloads per day of studio X's 4K titles in BR, by the calendar of Brazil."""

    def declare(document: dict[str, Any]) -> None:
        document["facts"]["quality"] = {"path": "title.quality", "label": "Quality"}
        document["counters"]["x_4k_today"] = {
            "of": "downloads", "label": "4K downloads of X today", "same": ["studio"],
            "where": {"title.quality": {"in": ["4K"]}}, "window": {"calendar": "day"},
        }  # fmt: skip
        document["limits"]["x_4k_day_max"] = {
            "fact": "x_4k_today", "reason": "X_4K_DAILY", "label": "4K downloads of X today",
            "purposes": ["acquire"],
        }  # fmt: skip
        document["reasons"]["X_4K_DAILY"] = "No more 4K downloads of this studio today."
        document["zones"] = {"fact": "country", "zones": {"BR": "America/Sao_Paulo"}}
        document["tables"].append(
            {"id": "x-4k", "title": "4K of X", "hit": "collect",
             "inputs": ["country", "studio", "quality"], "outputs": ["x_4k_day_max"],
             "merge": {"x_4k_day_max": "min"},
             "rows": [{"id": "x-4k-br", "then": {"x_4k_day_max": 2}, "when": {
                 "country": {"in": ["BR"]}, "studio": {"in": ["X"]}, "quality": {"in": ["4K"]}}}]}
        )  # fmt: skip

    in_force = published(declare)
    night = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)  # still the evening of the 1st in Brazil
    past = [(night - timedelta(days=30), PlanChanged("premium", "BR"))]
    past += [(night - timedelta(hours=n), issued(f"l{n}", "4K")) for n in (1, 2)]
    ask = AcquireLicense("t9", "d-phone", "l9", {"studio": "X", "quality": "4K"})

    def asked(at: datetime, command: AcquireLicense = ask, country: str = "BR") -> str | None:
        member = lived(*past, (night, PlanChanged("premium", country)))
        return terms.for_acquisition(in_force, member, command, Moment(at, at)).reason

    assert asked(night) == "X_4K_DAILY"
    assert asked(night + timedelta(minutes=29)) == "X_4K_DAILY"
    assert asked(night + timedelta(minutes=30)) is None  # midnight in Sao Paulo
    assert asked(night, country="NL") is None
    hd = AcquireLicense("t9", "d-phone", "l9", {"studio": "X", "quality": "HD"})
    assert asked(night, hd) is None
    odd = AcquireLicense("t9", "d-phone", "l9", {"studio": "X", "quality": ["4K"]})
    assert asked(night, odd) == "FACT_UNKNOWN"
