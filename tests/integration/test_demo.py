"""The demo as `manage.py play_demo` plays it, in databases of its own beside the tests' own."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from licensing import decisions, sealing, store
from licensing.demo.stories import STORIES
from tests.settings import SERVER
from timeline import embedded

ROOT = Path(__file__).parents[2]
UNTIL = "2026-11-20T10:00:00+00:00"
SIZE = ("--months", "6", "--seed", "7", "--until", UNTIL)


def make_database(name):
    """An empty, migrated database, and the environment that leads to it."""
    with psycopg.connect(
        SERVER.addresses.conninfo(embedded.SUPERUSER, "postgres"), autocommit=True
    ) as conn:
        conn.execute(f"CREATE DATABASE {name} OWNER {embedded.OWNER}")
    with psycopg.connect(SERVER.addresses.conninfo(embedded.SUPERUSER, name)) as conn:
        embedded.grant_roles(conn)
    environment = {
        variable: value.replace(f"@/{embedded.DATABASE}?", f"@/{name}?")
        for variable, value in SERVER.addresses.environment().items()
    }
    assert name in environment["DATABASE_URL"]
    manage(environment, "migrate", "-v", "0")
    return environment


def manage(environment, *arguments, status=0, stdin=None):
    """Run manage.py; what it said."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "timeline.settings"},
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def connect(name):
    return psycopg.connect(SERVER.addresses.conninfo(embedded.APP, name), autocommit=True)


@pytest.fixture(scope="module")
def demo(database):
    """A short demo, played by two processes."""
    environment = make_database("demo")
    manage(environment, "play_demo", "--members", "24", "--workers", "2", *SIZE)
    with connect("demo") as conn:
        yield conn, environment


def history_of(conn, member):
    return store.read_stream(conn, f"member-{member}")


def failed_limits(event):
    limits = decisions.full(event.metadata["decision"])["limits"]
    return [limit for limit in limits if not limit["ok"]]


def test_named_members_exist_and_each_has_a_line(demo):
    conn, _ = demo
    for story in STORIES:
        assert history_of(conn, story.member_id), story.member_id
        assert story.line.endswith(".")


def test_maya_ends_at_a_refusal_at_two_of_two_devices(demo):
    conn, _ = demo
    last = history_of(conn, "maya-device-limit")[-1]
    assert (last.type, last.data["reason"]) == ("AcquisitionRefused", "DEVICE_LIMIT")
    (limit,) = failed_limits(last)
    assert (limit["value"], limit["max"], limit["label"]) == (2, 2, "devices")
    assert limit["row"] == "b-standard"
    again = store.read_commands(conn, "member-maya-device-limit")[-1]
    assert again.outcome["same_as"] == last.version


ENDINGS = {
    "nora-renewals": ["RenewalRefused", "LicenseRenewed", "LicenseRenewed", "RenewalRefused",
                      "LicenseExpired"],
    "liam-plan-change": ["LicenseIssued", "AcquisitionRefused", "PlanChanged", "LicenseIssued"],
    "otto-offline": ["AcquisitionRefused", "PlaybackStarted", "PlaybackStopped",
                     "LicenseReleased", "LicenseIssued"],
    "dana-download-limit": ["AcquisitionRefused", "PlaybackStarted", "PlaybackStopped",
                            "LicenseReleased", "LicenseIssued"],
    "walt-withdrawn": ["LicenseReleased", "AcquisitionRefused"],
    "ines-studio-limit": ["LicenseReleased", "AcquisitionRefused"],
    "theo-title-limit": ["LicenseReleased", "AcquisitionRefused"],
    "ruth-rule-change": ["AcquisitionRefused", "LicenseIssued", *["LicenseReleased"] * 5],
    "sam-retry": ["LicenseIssued", "PlaybackStarted", "PlaybackStopped"],
    "pia-playback-window": ["PlaybackStopped", "LicenseExpired", "LicenseIssued"],
    "new-member": ["PlanChanged", "DeviceRegistered"],
}  # fmt: skip


@pytest.mark.parametrize("member", ENDINGS)
def test_a_story_ends_as_it_is_told(demo, member):
    types = [event.type for event in history_of(demo[0], member)]
    assert types[-len(ENDINGS[member]) :] == ENDINGS[member]


def test_every_limit_has_a_refusal(demo):
    conn, _ = demo
    seen = {
        event.data["reason"]
        for story in STORIES
        for event in history_of(conn, story.member_id)
        if event.type in ("AcquisitionRefused", "RenewalRefused")
    }
    assert seen >= {
        "DEVICE_LIMIT", "DOWNLOAD_LIMIT", "STUDIO_YEARLY", "TITLE_YEARLY", "TITLE_WITHDRAWN",
        "RENEWALS_USED_UP", "RENEWAL_TOO_EARLY",
    }  # fmt: skip


def test_the_rules_changed_between_ruths_two_requests(demo):
    refused, granted = [
        event
        for event in history_of(demo[0], "ruth-rule-change")
        if event.data.get("title_id") == "rashomon"
    ]
    one, other = (event.metadata["decision"]["rules"] for event in (refused, granted))
    assert (one["version"], other["version"]) == (1, 2)
    assert one["hash"] != other["hash"]


def test_ottos_tablet_reported_days_late(demo):
    late = [
        event
        for event in history_of(demo[0], "otto-offline")
        if (event.recorded_at - event.occurred_at).days >= 3
    ]
    assert [event.type for event in late] == [
        "PlaybackStarted", "PlaybackStopped", "LicenseReleased",
    ]  # fmt: skip


def test_sams_lost_answer_left_one_command_and_one_license(demo):
    conn, _ = demo
    acquired = [
        command
        for command in store.read_commands(conn, "member-sam-retry")
        if command.name == "AcquireLicense"
    ]
    assert len(acquired) == 1


def test_it_is_recorded_as_the_story_goes_with_the_chains_whole(demo):
    conn, _ = demo
    for story in STORIES:
        events = history_of(conn, story.member_id)
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        moments = [event.recorded_at for event in events]
        assert moments == sorted(moments)
        assert moments[-1].isoformat() < UNTIL
        assert store.verify_stream(conn, f"member-{story.member_id}") is None


def test_a_fixed_seed_gives_the_same_history_again(demo):
    """Fewer members, one process: those who are in both are the same, event for event."""
    manage(make_database("twin"), "play_demo", "--members", "18", "--workers", "1", *SIZE)
    query = "SELECT stream_id FROM stream_head ORDER BY stream_id"
    with connect("twin") as twin:
        streams = [stream for (stream,) in twin.execute(query) if stream.startswith("member-")]
        assert len(streams) == 18
        for stream in streams:
            assert told(twin, stream) == told(demo[0], stream)


def told(conn, stream):
    return [
        (event.event_id, event.type, unsealed(event.data), event.metadata, event.occurred_at,
         event.recorded_at)
        for event in store.read_stream(conn, stream)
    ]  # fmt: skip


def unsealed(data):
    """Personal text is encrypted under a key of each store: only that it is there can be alike."""
    return {name: name if name == sealing.SEALED else value for name, value in data.items()}


def test_playing_again_adds_nothing(demo):
    conn, environment = demo
    before = store.bucket_heads(conn)
    assert "played already" in manage(environment, "play_demo")
    assert store.bucket_heads(conn) == before


def test_an_interrupted_demo_is_played_on(database):
    """The mark of the end is missing: whatever is there is found again, and the rest is lived."""
    environment = make_database("cut")
    code = (
        "import django; django.setup()\n"
        "from datetime import datetime\n"
        "from licensing.demo import play\n"
        f"plan = play.Plan(16, 6, 7, datetime.fromisoformat('{UNTIL}'))\n"
        "play.prepare(plan)\n"
        "play.live_some(plan, range(0, 3))\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "timeline.settings"},
        cwd=ROOT, check=True, timeout=120,
    )  # fmt: skip
    assert "Playing on" in manage(environment, "play_demo", "--members", "99")
    with connect("cut") as conn:
        streams = list(conn.execute("SELECT stream_id FROM stream_head"))
        assert len(streams) == 16 + 1
        assert len(history_of(conn, "maya-device-limit")) == 8


def test_another_history_is_not_mixed_with_the_demo():
    """The tests' own store holds other streams by the time this is asked."""
    said = manage(SERVER.addresses.environment(), "play_demo", status=1)
    assert "another history" in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--members", "3"), "at least 13"),
        (("--months", "2"), "at least 6"),
        (("--until", "tomorrow"), "is no instant"),
        (("--until", "2026-01-01T00:00:00"), "needs an offset"),
    ],
)
def test_options_that_cannot_be_played_are_explained(arguments, why):
    said = manage(SERVER.addresses.environment(), "play_demo", *arguments, status=2)
    assert why in said
    assert "Traceback" not in said
