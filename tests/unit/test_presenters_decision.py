"""Why: the recorded decision in words, with value, limit, margin and the row that decided."""

from typing import Any

from tests.unit.past import Past
from timeline.presenters import decision
from timeline.presenters.sentences import Names

ROWS: dict[str, dict[str, Any]] = {
    "b-standard": {
        "id": "b-standard",
        "label": "Standard plan",
        "table_title": "What a plan grants",
        "inputs": ["plan", "country"],
        "when": {"plan": {"in": ["standard"], "not_in": None, "ge": None}},
        "then": {"max_devices": 2, "license_h": 336, "allow": True},
        "source": "terms §4",
        "owner": "Licensing",
    },
    "st-1": {
        "id": "st-1",
        "label": "A studio",
        "table_title": "Studios",
        "inputs": ["studio"],
        "when": {"studio": {"list": "old_studios"}},
        "then": {"studio_year_max": 8},
        "from": "2026-01-01T00:00:00Z",
    },
}


def limit(name: str, fact: str, value: int, most: int, row: str = "b-standard") -> dict[str, Any]:
    return {
        "limit": name, "fact": fact, "label": name.removeprefix("max_"), "value": value,
        "max": most, "row": row, "ok": value < most, "margin": most - value,
    }  # fmt: skip


def record(*limits: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {
        "decision": {
            "rules": {"id": "r", "version": 3, "hash": "sha256:abcdef0123"},
            "verdict": "refused" if reason else "allowed",
            "reason": reason,
            "row": "b-standard",
            "facts": {"plan": "standard"},
            "matched": ["b-standard", "st-1"],
            "limits": list(limits),
        }
    }


def explained(past: Past, before: Any) -> decision.Why:
    step = past.steps[-1]
    names = Names.of(before)
    names.learn(step.recorded.type, step.recorded.data)
    found = decision.why(step, before, names, None, ROWS.get)
    assert found is not None
    return found


def test_a_device_limit_names_the_devices() -> None:
    past = Past().issued("l1", "Vertigo", "Pixel 9").issued("l2", "Ikiru", "iPad Air")
    before = past.member
    metadata = record(
        limit("max_downloads", "downloads_in_use", 2, 15),
        limit("max_devices", "devices_with_downloads", 2, 2),
        reason="DEVICE_LIMIT",
    )
    why = explained(past.refused("l3", "Stalker", "Surface", metadata), before)
    assert why.line.text == (
        "Downloads are already on 2 of 2 devices, iPad Air and Pixel 9. Surface would be the third."
    )
    assert (why.verdict, why.code, why.rules) == ("refused", "DEVICE_LIMIT", "r v3, abcdef0")
    assert [(c.value, c.limit, c.margin, c.ok) for c in why.conditions] == [
        ("2", "15", "13 left", True),
        ("2", "2", "none left", False),
        ("standard", "standard", "met", True),
    ]
    assert why.row is not None
    assert [(cell.label, cell.words, cell.kind) for cell in why.row.cells] == [
        ("plan", "standard", ""),
        ("country", "any", "any"),
        ("Max devices", "2", "decided"),
    ]
    assert [row.id for row in why.others] == ["st-1"]
    assert why.others[0].cells[0].words == "in old_studios"
    assert why.others[0].valid == "from 1 Jan 2026"
    assert why.paste.startswith(
        "On 1 January 2026 at 12:00 UTC your download of Stalker to Surface was declined."
    )


def test_an_allowed_step_names_its_tightest_limit() -> None:
    metadata = record(
        limit("max_downloads", "downloads_in_use", 4, 15),
        limit("max_devices", "devices_with_downloads", 1, 2),
        reason=None,
    )
    past = Past()
    before = past.member
    why = explained(past.issued("l1", "Vertigo", metadata=metadata), before)
    assert why.line.text == (
        "Allowed. The tightest limit: 1 of 2 devices before this step, 0 left after it."
    )
    assert why.code == ""


def test_a_value_beyond_its_limit_is_told_in_hours() -> None:
    early = limit("renew_window_h", "hours_left", 30, 24)
    past = Past().issued("l1", "Vertigo")
    before = past.member
    why = explained(
        past.refused("l1", "Vertigo", metadata=record(early, reason="RENEWAL_TOO_EARLY")), before
    )
    assert why.conditions[0].margin == "6 h over"
    assert why.conditions[0].meter == "100%"


def test_without_a_rule_nothing_is_made_up() -> None:
    past = Past().plan()
    step = past.steps[-1]
    assert decision.why(step, past.member, Names(), None, ROWS.get) is None


def test_a_refusal_without_a_limit_or_row_still_says_its_code() -> None:
    past = Past()
    before = past.member
    metadata = record(reason="FACT_MISSING")
    metadata["decision"] |= {"row": None, "matched": [], "facts": {}}
    why = explained(past.refused("l1", "Vertigo", metadata=metadata), before)
    assert why.line.text == "Refused: fact missing."
    assert why.row is None
    assert why.conditions == ()
