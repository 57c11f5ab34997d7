"""A studio whose titles many members download and play, and the read models' word for it."""

from datetime import UTC, datetime

from django.db import connection

from licensing import service, store
from licensing.domain.commands import AcquireLicense, ChangePlan, RecordPlayback
from projections import builds, runner
from tests.conftest import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTOR = service.Actor("api", "tests")
STUDIO = "Hot Pictures"
SUMS_AND_ROWS = ("daily_activity", "license_index", "studio_usage")


def happen(members):
    """Five events or so of each member, all of one studio."""
    for member in members:
        ask(member, ChangePlan("premium", "DE"))
        for title in ("metropolis", "nosferatu"):
            made = ask(member, AcquireLicense(title, f"d-{member}", title={"studio": STUDIO}))
            ask(member, RecordPlayback(made.license_id, "start"))


def ask(member, command):
    return service.handle(member, command, command_id=new_id("c"), actor=ACTOR, now=NOW)


def in_one_bucket(count):
    """Members whose streams share a bucket."""
    wanted, found = store.bucket_of(f"member-{new_id()}"), []
    while len(found) < count:
        member = new_id()
        if store.bucket_of(f"member-{member}") == wanted:
            found.append(member)
    return found


def played():
    """How often the studio's titles were played: a sum, which a doubled effect would change."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(played) FROM studio_usage WHERE studio = %s", [STUDIO])
        return int(cursor.fetchone()[0] or 0)


def assert_as_built_anew():
    """The live tables are, row by row, what a build of its own makes of the same events."""
    for name in SUMS_AND_ROWS:
        builds.request(name, by="tests", hold=True)
    runner.catch_up()
    for name in SUMS_AND_ROWS:
        found = builds.compare(name)
        builds.cancel(name, by="tests")
        assert (found.buckets, found.only_live, found.only_new) == (1024, 0, 0), found
        assert found.rows > 0
