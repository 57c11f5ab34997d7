"""`manage.py import_history`: somebody's own history, checked line by line and taken once."""

import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from licensing import connection, history, store
from tests.conftest import new_id

DAY = datetime(2026, 1, 1, 10, tzinfo=UTC)


def instant(hours=0):
    return (DAY + timedelta(hours=hours)).isoformat()


def asked(member, command, data, *, command_id=None, hours=0, **more):
    return {
        "member": member,
        "command": command,
        "command_id": command_id or new_id("c"),
        "occurred_at": instant(hours),
        "data": data,
        **more,
    }


def acquire(member, **more):
    data = {"title_id": "casablanca", "device_id": "d-1", "title": {"studio": "Warner Bros."}}
    return asked(member, "AcquireLicense", {**data, **more.pop("data", {})}, **more)


def past(member, kind, data, *, hours=0, **more):
    return {
        "member": member,
        "type": kind,
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "occurred_at": instant(hours),
        "data": data,
        "metadata": {},
        **more,
    }


def issued(member, license_id="l-1", **more):
    data = {
        "license_id": license_id, "title_id": "alien", "device_id": "d-1", "title": {},
        "device": {}, "context": {}, "expires_at": instant(336), "terms": {"license_h": 336},
    }  # fmt: skip
    return past(member, "LicenseIssued", data, **more)


@pytest.fixture
def load(tmp_path):
    """Import these lines (objects, or text as it is); what was said."""

    def run(*lines, out=None, **options):
        file = tmp_path / "history.jsonl"
        text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file.write_text("\n".join(text) + "\n")
        kept = StringIO()
        call_command("import_history", str(file), stdout=out or kept, **options)
        return kept.getvalue()

    return run


def types(member):
    return [step.recorded.type for step in history.load(member).steps]


def test_commands_are_decided_by_the_rules_when_they_occurred(fresh, load):
    member = fresh()
    lines = [
        acquire(member, data={"title_id": f"t{n}", "device_id": f"d{n}"}, hours=n) for n in range(3)
    ]
    said = load(*lines)
    assert "2 accepted, 1 refused" in said
    assert types(member)[-1] == "AcquisitionRefused"
    last = history.load(member).steps[-1].recorded
    assert last.recorded_at == last.occurred_at == DAY + timedelta(hours=2)
    assert last.metadata["decision"]["limits"][0][2] == 2
    assert last.metadata["actor"]["kind"] == "import"


def test_before_the_first_publication_the_first_rules_decide(fresh, load):
    member = fresh()
    early = acquire(member, occurred_at="1999-05-01T10:00:00+02:00")
    load(early)
    step = history.load(member).steps[-1].recorded
    assert step.metadata["decision"]["rules"]["version"] == 1
    assert step.recorded_at == datetime(1999, 5, 1, 8, tzinfo=UTC)


def test_past_events_are_taken_as_they_are(fresh, load):
    member = fresh()
    given = issued(member, metadata={"actor": {"kind": "device", "id": "d-1"}, "origin": "old"})
    stop = past(member, "LicenseReleased", {"license_id": "l-1"}, hours=5,
                recorded_at=instant(60))  # fmt: skip
    assert "2 new events" in load(given, "", "   ", stop)
    one, two = (step.recorded for step in history.load(member).steps)
    assert str(one.event_id) == given["event_id"]
    assert (one.data, one.metadata) == (given["data"], given["metadata"])
    assert two.recorded_at - two.occurred_at == timedelta(hours=55)
    assert history.current(member).licenses["l-1"].status == "released"
    assert store.verify_stream(connection.opened(), history.stream_of(member)) is None


def test_the_same_file_again_adds_nothing(fresh, load):
    one, other = fresh(), fresh()
    lines = [issued(one), acquire(other), past(one, "PlanChanged", {"plan": "basic"}, hours=2)]
    load(*lines)
    before = store.bucket_heads(connection.opened())
    said = load(*lines)
    assert "0 new events" in said
    assert "3 were there already" in said
    assert store.bucket_heads(connection.opened()) == before


def test_a_longer_file_adds_only_what_is_new_even_to_the_same_moment(fresh, load):
    member = fresh()
    first = issued(member)
    load(first)
    assert "1 new events" in load(first, issued(member, "l-2"))
    assert history.load(member).head == 2


def test_an_import_goes_on_where_it_stopped(fresh, load):
    member = fresh()
    good, bad = acquire(member), asked(member, "RenewLicense", {"license_id": "none"}, hours=1)
    rest = acquire(member, data={"title_id": "alien"}, hours=2)
    with pytest.raises(CommandError, match=r"^line 2: .*has no license none"):
        load(good, bad, rest, strict=True)
    assert len(types(member)) == 2
    assert "1 were there already" in load(good, rest)
    assert len(types(member)) == 3


def test_a_late_report_keeps_both_instants(fresh, load):
    member = fresh()
    load(acquire(member, data={"license_id": "l-1"}),
         asked(member, "RecordPlayback", {"license_id": "l-1", "action": "start"}, hours=3,
               recorded_at=instant(80)))  # fmt: skip
    step = history.load(member).steps[-1]
    assert step.recorded.type == "PlaybackStarted"
    assert step.late == timedelta(hours=77)


def test_an_export_of_a_lived_stream_is_found_there_already(fresh, load):
    member = fresh()
    load(acquire(member), acquire(member, data={"title_id": "alien"}, hours=1))
    lines = [
        {
            "member": member,
            "type": step.recorded.type,
            "schema_version": step.recorded.schema_version,
            "event_id": str(step.recorded.event_id),
            "occurred_at": step.recorded.occurred_at.isoformat(),
            "recorded_at": step.recorded.recorded_at.isoformat(),
            "data": step.recorded.data,
            "metadata": step.recorded.metadata,
        }
        for step in history.load(member).steps
    ]
    assert "0 new events" in load(*lines)
    with pytest.raises(CommandError, match=r"line 1: event_id: .* with another content"):
        load({**lines[0], "metadata": {}})


BAD = {
    "not json": ("{", r"Expecting .* column 2"),
    "no object": ("[1]", "must be a JSON object"),
    "neither form": ('{"member": "m-1"}', 'needs either "command"'),
    "twice": ('{"member": "m-1", "member": "m-2", "command": "x"}', "member: the key appears"),
    "unknown field": (acquire("m-1", note="x"), "unknown field `note`"),
    "unknown data": (acquire("m-1", data={"price": 1}), r"data\.price: unknown field"),
    "unknown command": (asked("m-1", "Teleport", {}), r"command: 'Teleport' is not one of"),
    "no data": (asked("m-1", "RenewLicense", {}), "data: .*missing required field `license_id`"),
    "wrong type": (asked("m-1", "RenewLicense", {"license_id": 5}), r"data\.license_id: Expected"),
    "no offset": (acquire("m-1", occurred_at="2026-01-01T10:00:00"), "occurred_at: .*timezone"),
    "no instant": (acquire("m-1", occurred_at="yesterday"), "occurred_at: "),
    "member id": (acquire("-no"), "member: "),
    "fraction": (acquire("m-1", data={"context": {"n": 0.5}}), r"data\.context\.n: fractions"),
    "nan": ('{"member": "m-1", "command": "x", "data": {"n": NaN}}', r"data\.n: NaN is not JSON"),
    "nul": (acquire("m-1", data={"context": {"n": "a\x00"}}), r"context\.n: the character U\+0000"),
    "surrogate": (acquire("m-1", data={"context": {"n": "\ud800"}}), "lone surrogate"),
    "large": (acquire("m-1", data={"context": {"n": 2**60}}), r"data\.context\.n: .*2\^53"),
    "deep": ("[" * 40 + "]" * 40, "must be a JSON object"),
    "too deep": (acquire("m-1", data={"context": json.loads('{"a":' * 40 + "1" + "}" * 40)}),
                 "nested deeper than 32"),
    "very deep": ("[" * 50_000, "nested deeper than 32"),
    "long": (acquire("m-1", data={"context": {f"n{i}": "a" * 4_000 for i in range(20)}}),
             "longer than 65536 bytes"),
    "long text": (acquire("m-1", data={"context": {"n": "a" * 5_000}}),
                  r"data\.context\.n: longer than 4096"),
    "future": (acquire("m-1", occurred_at="2999-01-01T10:00:00Z"), "lies in the future"),
    "early": (acquire("m-1", recorded_at="2020-01-01T10:00:00Z"), "lies before occurred_at"),
    "unknown type": (past("m-1", "LicenseTeleported", {}), "does not know the event type"),
    "version": (past("m-1", "LicenseReleased", {"license_id": "l"}, schema_version=9),
                "cannot read LicenseReleased version 9"),
    "payload": (past("m-1", "LicenseReleased", {"license_id": 5}), "LicenseReleased version 1"),
    "more payload": (past("m-1", "LicenseReleased", {"license_id": "l", "x": 1}),
                     r"data\.x: unknown field"),
    "naive payload": (past("m-1", "LicenseExpired",
                           {"license_id": "l", "expired_at": "2026-01-01T10:00:00"}),
                      r"data\.expired_at: an instant needs an offset"),
    "event id": (past("m-1", "PlanChanged", {"plan": "basic"}, event_id="7"), "event_id: "),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_nothing_is_imported(name, fresh, load):
    line, why = BAD[name]
    member = fresh()
    with pytest.raises(CommandError, match=rf"line 3: .*{why}"):
        load(acquire(member), "", line, strict=True)
    assert history.load(member).head == 0


def test_every_bad_line_is_named_up_to_ten(load):
    with pytest.raises(CommandError) as error:
        load(*["{"] * 12, strict=True)
    said = str(error.value)
    assert said.startswith("12 bad lines; nothing was imported.")
    assert all(f"line {n}:" in said for n in range(1, 11))
    assert "and 2 more" in said


def test_a_member_s_lines_come_in_the_order_they_were_recorded(fresh, load):
    member = fresh()
    with pytest.raises(CommandError, match=r"line 2: recorded_at: .* before the end of this"):
        load(acquire(member, hours=5), acquire(member, data={"title_id": "alien"}))
    with pytest.raises(CommandError, match=r"line 1: recorded_at: "):
        load(past(member, "PlanChanged", {"plan": "basic"}, hours=4))
    assert history.load(member).head == 2


def test_a_command_id_with_other_data_is_refused(fresh, load):
    member, key = fresh(), fresh("c")
    load(acquire(member, command_id=key))
    with pytest.raises(CommandError, match=r"line 1: .*used with other data"):
        load(acquire(member, command_id=key, data={"title_id": "alien"}))


def test_checking_writes_nothing(fresh, load):
    member = fresh()
    assert "1 lines are fine" in load(acquire(member), check=True)
    assert history.load(member).head == 0


def test_standard_input_and_a_missing_file(fresh, monkeypatch, tmp_path):
    member = fresh()
    file = tmp_path / "in"
    file.write_text(json.dumps(acquire(member)))
    with file.open() as given:
        monkeypatch.setattr("sys.stdin", given)
        call_command("import_history", "-", stdout=StringIO())
    assert history.load(member).head == 2
    with pytest.raises(CommandError, match=r"cannot read .*: No such file"):
        call_command("import_history", str(tmp_path / "none"))


@pytest.fixture
def rejected(tmp_path):
    """The lines that the last import rejected: (number, why, text)."""

    def read():
        file = tmp_path / "history.jsonl.rejected.jsonl"
        found = map(json.loads, file.read_text().splitlines())
        return [(each["line"], each["error"], each["text"]) for each in found]

    return read


def test_good_lines_go_in_beside_bad_ones(fresh, load, rejected):
    one, other, third = fresh(), fresh(), fresh()
    lines = [
        acquire(one),
        "{",
        issued(other),
        past(one, "LicenseReleased", {"license_id": 5}, hours=2),
        acquire(one, data={"title_id": "alien"}, hours=3),
        past(other, "LicenseReleased", {"license_id": "l-1"}, hours=4),
        asked(third, "RenewLicense", {"license_id": "none"}),
    ]
    with pytest.raises(CommandError, match=r"^4 lines were rejected; they are in .*\n  line 2: "):
        load(*lines)
    assert types(one) == ["DeviceRegistered", "LicenseIssued"]
    assert types(other) == ["LicenseIssued", "LicenseReleased"]
    assert types(third) == []
    found = rejected()
    assert [number for number, _, _ in found] == [2, 4, 5, 7]
    assert found[0][2] == "{"
    assert "waits for line 4 of the same history" in found[2][1]
    assert "has no license none" in found[3][1]
    assert json.loads(found[1][2]) == lines[3]


def test_the_mended_file_goes_in_where_the_bad_line_stood(fresh, load):
    member = fresh()
    first, later = acquire(member), acquire(member, data={"title_id": "alien"}, hours=3)
    bad = past(member, "PlanChanged", {"plan": 5}, hours=1)
    with pytest.raises(CommandError):
        load(first, bad, later)
    load(first, {**bad, "data": {"plan": "premium"}}, later)
    assert types(member) == ["DeviceRegistered", "LicenseIssued", "PlanChanged", "LicenseIssued"]


def test_rejected_lines_are_for_one_s_own_eyes(fresh, load, tmp_path):
    with pytest.raises(CommandError):
        load("{", rejects=str(tmp_path / "bad"))
    assert (tmp_path / "bad").stat().st_mode & 0o777 == 0o600


def test_an_event_id_of_another_history_is_rejected(fresh, load):
    one, event_id = fresh(), str(uuid.uuid4())
    bucket = store.bucket_of(history.stream_of(one))
    other = next(m for m in iter(fresh, None) if store.bucket_of(history.stream_of(m)) == bucket)
    third = next(m for m in iter(fresh, None) if store.bucket_of(history.stream_of(m)) == bucket)
    load(issued(one, event_id=event_id))
    with pytest.raises(
        CommandError, match=r"^1 lines.*\n  line 1: event_id: is in another history"
    ):
        load(issued(other, event_id=event_id), issued(third))
    assert (types(other), types(third)) == ([], ["LicenseIssued"])


def test_where_history_came_from_is_kept(fresh, load, tmp_path):
    load(issued(fresh()), acquire(fresh()))
    batch = store.import_batches(connection.opened())[0]
    assert batch.source == str(tmp_path / "history.jsonl")
    assert (batch.lines, batch.events, batch.commands, batch.rejected) == (2, 3, 1, 0)
    assert batch.finished_at is not None
    out = StringIO()
    call_command("import_history", list=True, stdout=out)
    assert "2 lines, 3 events, 1 commands" in out.getvalue().splitlines()[0]


def test_json_says_what_became_of_the_lines(fresh, load, tmp_path):
    member, other = fresh(), fresh()
    said = json.loads(load(acquire(member), issued(other), json=True))
    batch = store.import_batches(connection.opened())[0]
    assert said == {
        "ok": True, "file": str(tmp_path / "history.jsonl"), "batch": str(batch.id), "lines": 2,
        "accepted": 1, "refused": 0, "unchanged": 0, "answers": 0, "events": 3, "already": 0,
        "rejected": 0, "rejects": None, "faults": [], "error": None,
    }  # fmt: skip
    out = StringIO()
    call_command("import_history", list=True, json=True, stdout=out)
    first = json.loads(out.getvalue())["imports"][0]
    assert (first["id"], first["sha256"]) == (str(batch.id), batch.sha256.hex())


def failed(load, capsys, *lines, **options):
    """What an import with a bad line says on standard output, as JSON and nothing else."""
    with pytest.raises(SystemExit) as ended:
        load(*lines, json=True, out=sys.stdout, **options)
    said, complained = capsys.readouterr()
    assert (ended.value.code, complained) == (1, "")
    return json.loads(said)


def test_json_names_the_bad_lines(fresh, load, capsys, tmp_path):
    member, other = fresh(), fresh()
    said = failed(load, capsys, acquire(member), "{", issued(other))
    assert (said["ok"], said["lines"], said["events"], said["rejected"]) == (False, 2, 3, 1)
    assert [fault["line"] for fault in said["faults"]] == [2]
    assert said["rejects"] == str(tmp_path / "history.jsonl.rejected.jsonl")
    assert said["error"].startswith("1 lines were rejected")
    for how in ("check", "strict"):
        said = failed(load, capsys, acquire(fresh()), *["{"] * 12, **{how: True})
        assert (said["batch"], said["events"], said["rejected"]) == (None, 0, 12)
        assert [fault["line"] for fault in said["faults"]] == list(range(2, 12))
    late = asked(fresh(), "RenewLicense", {"license_id": "none"})
    said = failed(load, capsys, acquire(fresh()), late, strict=True)
    assert (said["events"], [fault["line"] for fault in said["faults"]]) == (2, [2])
    assert "What was written by then stays" in said["error"]


def test_chunks_keep_the_order_of_each_history(fresh, load):
    members = [fresh() for _ in range(3)]
    lines = [
        past(member, "PlanChanged", {"plan": f"p{n}"}, hours=n)
        for n in range(700)
        for member in members
    ]
    assert "2,100 new events" in load(*lines)
    for member in members:
        steps = history.load(member).steps
        assert [step.recorded.data["plan"] for step in steps] == [f"p{n}" for n in range(700)]
        assert store.verify_stream(connection.opened(), history.stream_of(member)) is None
        bucket = store.bucket_of(history.stream_of(member))
        assert store.verify_feed(connection.opened(), bucket) is None


def test_a_chunk_never_holds_its_bucket_for_long(fresh, load, monkeypatch):
    """H17: live writers of the bucket get their turn every 500 events."""
    sizes, really = [], store.import_events

    def watched(conn, runs):
        sizes.append(sum(len(run.events) for run in runs))
        return really(conn, runs)

    monkeypatch.setattr(store, "import_events", watched)
    member = fresh()
    load(*(past(member, "PlanChanged", {"plan": f"p{n}"}, hours=n) for n in range(1_100)))
    assert sum(sizes) == 1_100
    assert max(sizes) <= 500


def test_commands_and_past_events_of_one_member_take_turns(fresh, load):
    member = fresh()
    load(
        past(member, "PlanChanged", {"plan": "premium", "country": "NL"}),
        acquire(member, hours=1),
        past(member, "PlanChanged", {"plan": "basic"}, hours=2),
        acquire(member, data={"title_id": "alien"}, hours=3),
    )
    assert types(member) == [
        "PlanChanged", "DeviceRegistered", "LicenseIssued", "PlanChanged", "LicenseIssued",
    ]  # fmt: skip
