"""The models of the log can be read, and refuse to write before the database has to."""

from collections.abc import Callable
from typing import Any

import pytest

from licensing import store
from licensing.models import Command, Event
from licensing.models.log import AppendOnly
from tests.conftest import new_id
from tests.integration.store_kit import command, connected, event
from timeline.embedded import Addresses


@pytest.fixture
def stream(database: Addresses) -> str:
    made = new_id("test")
    with connected(database) as conn:
        store.append(conn, made, [event(number=1), event(number=2)], command("first"))
    return made


def test_they_show_what_the_store_holds(stream: str) -> None:
    bucket = store.bucket_of(stream)
    told = Event.objects.filter(bucket=bucket, stream_id=stream).order_by("version")
    assert [each.data for each in told] == [{"number": 1}, {"number": 2}]
    assert str(told[1]) == f"{stream} 2 Happened"
    asked = Command.objects.get(pk=(bucket, stream, "first"))
    assert (asked.name, asked.first_version, asked.last_version) == ("Do", 1, 2)
    assert str(asked) == f"{stream} 1 Do"


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "save": lambda model, one: one.save(),
    "save_base": lambda model, one: one.save_base(),
    "delete": lambda model, one: one.delete(),
    "create": lambda model, one: model.objects.create(bucket=1),
    "get_or_create": lambda model, one: model.objects.get_or_create(bucket=-1),
    "update_or_create": lambda model, one: model.objects.update_or_create(bucket=-1),
    "bulk_create": lambda model, one: model.objects.bulk_create([one]),
    "bulk_update": lambda model, one: model.objects.bulk_update([one], ["stream_id"]),
    "update": lambda model, one: model.objects.all().update(stream_id="other"),
    "update_base": lambda model, one: model._base_manager.all().update(stream_id="other"),
    "delete_all": lambda model, one: model.objects.all().delete(),
}


@pytest.mark.parametrize("model", [Event, Command])
@pytest.mark.parametrize("write", WRITES)
def test_whatever_would_write_is_refused(model: Any, write: str, stream: str) -> None:
    one = model.objects.filter(bucket=store.bucket_of(stream), stream_id=stream).first()
    before = model.objects.count()
    with pytest.raises(AppendOnly, match="append-only"):
        WRITES[write](model, one)
    assert model.objects.count() == before
