"""The pictures and words of the queues and of the catalogue."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import licensing
from licensing import rules
from projections.read_models.decision_log import Count
from timeline.presenters import catalogue, queues

NOW = datetime(2026, 3, 4, 15, 20, tzinfo=UTC)


def test_bars_reach_from_the_largest_to_a_line() -> None:
    drawn = queues.bars([0, 1, 4])
    assert [bar.x for bar in drawn] == ["0.00%", "33.33%", "66.67%"]
    assert [float(bar.height) for bar in drawn] == [1.0, 6.5, 26.0]
    assert all(float(bar.y) + float(bar.height) == queues.HEIGHT for bar in drawn)
    assert queues.bars([]) == []


def test_hours_without_anything_are_there_and_several_of_an_hour_add_up() -> None:
    hour = NOW.replace(minute=0)
    counted = [(hour, 2), (hour, 3), (hour - timedelta(hours=23), 1), (hour - timedelta(days=1), 9)]
    assert queues.by_hour(counted, NOW) == [1, *[0] * 22, 5]


def test_a_card_has_its_share_and_says_its_picture() -> None:
    counted = [Count("b-basic", "DEVICE_LIMIT", 3, 2, NOW), Count(None, None, 1, 1, NOW)]
    card = queues.refusals("/q/", counted, [0, 6, 0, 4])
    assert (card.number, card.picture) == (
        "4", "Refusals by hour, the last 24: at most 6, 2 h ago; now 4."
    )  # fmt: skip
    first, second = card.rows
    assert (first.name, first.code, first.share) == ("Device limit", "b-basic", "75.00%")
    assert first.href == "/q/?period=1h&row=b-basic&reason=DEVICE_LIMIT"
    assert (second.name, second.href) == ("Without a reason", "/q/?period=1h")
    assert queues.refusals("/q/", [], [0]).picture.endswith("none.")


def test_today_begins_at_midnight_utc() -> None:
    assert queues.since("today", NOW) == datetime(2026, 3, 4, tzinfo=UTC)
    assert queues.since("24h", NOW) == NOW - timedelta(days=1)


def test_choosing_keeps_what_narrows_otherwise_and_begins_anew() -> None:
    query = {"period": "7d", "band": "day", "after": "txyz"}
    found = queues.choices("/q/", {"": "Any", "day": "A day"}, "band", query)
    assert [(each.href, each.current) for each in found] == [
        ("/q/?period=7d", False), ("/q/?period=7d&band=day", True)
    ]  # fmt: skip


def test_a_title_that_a_row_in_force_names_is_withdrawn() -> None:
    path = Path(licensing.__file__).parent / "demo" / "rules_2.json"
    document = json.loads(path.read_text())
    table = next(table for table in document["tables"] if table["id"] == "withdrawn")
    table["rows"] += [
        {
            "id": "wd-ikiru", "label": "", "when": {"title": {"in": ["ikiru"]},
            "country": {"in": ["DE", "FR"]}}, "then": {"allow": False},
            "from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z",
            "reason": "TITLE_WITHDRAWN", "source": "notice 7",
        },
        {
            "id": "wd-later", "label": "", "when": {"title": {"in": ["gilda"]}},
            "then": {"allow": False}, "from": "2026-05-01T00:00:00Z", "reason": "TITLE_WITHDRAWN",
        },
    ]  # fmt: skip
    found = catalogue.withdrawn(rules.parse(document), NOW)
    assert set(found) == {"metropolis", "ikiru"}
    (ikiru,) = found["ikiru"]
    assert (ikiru.where, ikiru.source, ikiru.until) == ("country DE, FR", "notice 7", "1 Jun 2026")
    (shown,) = catalogue.entries({"ikiru": {"name": "Ikiru", "year": 1952, "x": None}}, found)
    assert shown.attributes == [("x", ""), ("year", "1952")]
    assert shown.withdrawn == [ikiru]
