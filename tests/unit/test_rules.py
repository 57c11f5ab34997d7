"""Rule sets: strict parsing, decisions with rows and margins, and no way to fail open."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licensing import rules

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())
LATER = json.loads((DEMO / "rules_2.json").read_text())


def request(plan="standard", **more):
    base = {"title_id": "t9", "device_id": "d9", "member": {"plan": plan, "country": "NL"}}
    return {**base, **more}


def download(device="d1", *, studio="Toho", title="t1", at=NOON, live=True):
    about = {"device_id": device, "studio": studio, "title_id": title}
    return rules.Occurrence("downloads", at, live, about)


def decide(asked, past=(), document=DOCUMENT, purpose="acquire", at=NOON):
    return rules.evaluate(
        rules.Compiled(rules.parse(document)), purpose, asked, lambda *_: past, at
    )


def test_an_allowed_request_names_its_row_and_margins():
    found = decide(request(), [download()])
    assert found.reason is None
    assert found.row == "b-standard"
    devices = found.limits[0]
    assert (devices.value, devices.max, devices.margin, devices.ok) == (1, 2, 1, True)


def test_the_device_limit_says_two_of_two():
    found = decide(request(), [download("d1"), download("d2")])
    assert (found.reason, found.row) == ("DEVICE_LIMIT", "b-standard")
    assert (found.limits[0].value, found.limits[0].max) == (2, 2)


def test_a_device_that_has_downloads_takes_no_further_place():
    past = [download("d1"), download("d2")]
    assert decide(request(device_id="d2"), past).reason is None


def test_ended_downloads_hold_no_device():
    past = [download("d1", live=False), download("d2", live=False)]
    assert decide(request(), past).reason is None


def test_a_restriction_only_tightens():
    found = decide(request(device={"type": "tv"}), [download("d9")] * 3)
    assert (found.reason, found.row) == ("DOWNLOAD_LIMIT", "dv-tv")
    roomy = copy.deepcopy(DOCUMENT)
    roomy["tables"][2]["rows"][0]["then"]["max_downloads"] = 99
    assert decide(request(device={"type": "tv"}), document=roomy).out["max_downloads"] == 15


def test_a_yearly_counter_forgets_last_year():
    asked = request(studio="Universal Pictures")
    this_year = [download(f"x{n}", studio="Universal Pictures", live=False) for n in range(8)]
    last_year = [
        download(studio="Universal Pictures", live=False, at=NOON - timedelta(days=365))
    ] * 8
    assert decide(asked, this_year).reason == "STUDIO_YEARLY"
    assert decide(asked, this_year).row == "st-universal"
    assert decide(asked, last_year).reason is None


def test_a_withdrawn_title_is_refused_by_its_row():
    found = decide(request(title_id="metropolis"), document=LATER)
    assert (found.reason, found.row) == ("TITLE_WITHDRAWN", "wd-metropolis")


def test_renewals_are_limited_by_count_window_and_life():
    def renewal(**facts):
        license = {"renewals": 0, "hours_left": 5, "life_h": 336, **facts}
        return decide(request(license=license), purpose="renew").reason

    assert renewal() is None
    assert renewal(renewals=2) == "RENEWALS_USED_UP"
    assert renewal(hours_left=200) == "RENEWAL_TOO_EARLY"
    assert renewal(life_h=1080) == "LICENSE_LIFE"


@pytest.mark.parametrize("plan", ["gold", 7, True, ["basic"], {"plan": "basic"}])
def test_an_unknown_plan_is_refused(plan):
    assert decide(request(plan=plan)).reason == "FACT_UNKNOWN"


def test_a_missing_required_fact_is_refused():
    strict = {**DOCUMENT, "defaults": {}}
    assert decide(request(plan=None), document=strict).reason == "FACT_MISSING"
    assert decide(request(plan=None)).facts["plan"] == "standard"


def test_a_gap_and_an_overlap_refuse():
    gap = copy.deepcopy(DOCUMENT)
    gap["tables"][0]["rows"].pop(1)
    assert decide(request(), document=gap).reason == "RULES_GAP"
    overlap = copy.deepcopy(DOCUMENT)
    twin = {**overlap["tables"][0]["rows"][1], "id": "twin"}
    overlap["tables"][0]["rows"].append(twin)
    assert decide(request(), document=overlap).reason == "RULES_OVERLAP"


def test_a_row_binds_only_while_it_is_valid():
    dated = copy.deepcopy(DOCUMENT)
    row = dated["tables"][2]["rows"][0]
    row["from"], row["to"] = "2026-02-01T00:00:00Z", "2026-03-01T12:00:00Z"
    asked = request(device={"type": "tv"})
    before = decide(asked, document=dated, at=NOON - timedelta(microseconds=1))
    assert before.out["max_downloads"] == 3
    assert decide(asked, document=dated, at=NOON).out["max_downloads"] == 15


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: d["tables"][0]["rows"][0]["when"].update(color={"in": ["red"]}),
        lambda d: d["tables"][0]["rows"][0]["then"].pop("max_devices"),
        lambda d: d["tables"][0]["rows"][0]["then"].update(max_devices="two"),
        lambda d: d["tables"][0]["rows"][0]["then"].update(max_devices=True),
        lambda d: d["tables"][0]["rows"][0]["then"].update(max_devices=2.5),
        lambda d: d["tables"][0]["rows"][1].update(id="b-basic"),
        lambda d: d["tables"][1]["rows"][0]["when"].update(studio={"list": "majors"}),
        lambda d: d["tables"][1]["rows"][0]["when"].update(studio={"in": "Universal"}),
        lambda d: d["tables"][1]["merge"].pop("studio_year_max"),
        lambda d: d["limits"]["max_devices"].update(fact="devices"),
        lambda d: d.update(tables=d["tables"][1:]),
        lambda d: d.update(surprise=1),
    ],
)
def test_a_broken_document_is_refused(break_it):
    broken = copy.deepcopy(DOCUMENT)
    break_it(broken)
    with pytest.raises(rules.BrokenRuleSet):
        rules.parse(broken)


def test_the_hash_ignores_the_order_of_keys():
    turned = dict(reversed(list(DOCUMENT.items())))
    assert rules.hash_of(turned) == rules.hash_of(DOCUMENT)
    assert rules.hash_of(LATER) != rules.hash_of(DOCUMENT)


def test_the_same_hash_decides_the_same_in_whatever_order_it_is_written():
    """A database that keeps names in an order of its own once named another reason first."""
    backwards = dict(reversed(DOCUMENT.items()))
    for part in ("facts", "counters", "limits"):
        backwards[part] = dict(reversed(DOCUMENT[part].items()))
    assert rules.hash_of(backwards) == rules.hash_of(DOCUMENT)
    assert list(backwards["limits"]) != list(DOCUMENT["limits"])
    assert list(rules.parse(backwards).limits) == list(rules.parse(DOCUMENT).limits)
    for part in ("facts", "counters"):
        assert list(getattr(rules.parse(backwards), part)) == sorted(DOCUMENT[part])
