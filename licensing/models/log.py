"""The event store's log for ad hoc questions, in a shell or a report: it can be read, no more.

The product itself reads and appends through `licensing.store`. Role and triggers of the database
refuse rewriting too; here it is refused before it is tried, with a word on what to do instead.
"""

from typing import Any, NoReturn

from django.db import models


class AppendOnly(TypeError):
    """History was about to be rewritten, or written past the event store."""

    def __init__(self) -> None:
        super().__init__(
            "The log is append-only and written by commands: use licensing.service.handle. "
            "What was wrong is put right by a further event."
        )


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AppendOnly


class ReadOnlyQuerySet(models.QuerySet[Any]):
    """Reads; whatever would write is refused."""

    create = bulk_create = bulk_update = update = delete = _refuse
    get_or_create = update_or_create = _refuse
    acreate = abulk_create = abulk_update = aupdate = adelete = _refuse
    aget_or_create = aupdate_or_create = _raw_delete = _update = _insert = _refuse


class Log(models.Model):
    """A table of the log."""

    objects = models.Manager.from_queryset(ReadOnlyQuerySet)()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_permissions = ()

    save = save_base = delete = asave = adelete = _refuse


class Event(Log):
    """What happened, once and for all; `pk` is (bucket, stream_id, version)."""

    pk = models.CompositePrimaryKey("bucket", "stream_id", "version")
    bucket = models.IntegerField()
    stream_id = models.TextField()
    version = models.IntegerField()
    position = models.BigIntegerField()
    event_id = models.UUIDField()
    type = models.TextField()
    schema_version = models.SmallIntegerField()
    data = models.JSONField()
    metadata = models.JSONField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    appended_at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta(Log.Meta):
        managed = False
        db_table = "event"

    def __str__(self) -> str:
        return f"{self.stream_id} {self.version} {self.type}"


class Command(Log):
    """What was asked and answered; `pk` is (bucket, stream_id, command_id)."""

    pk = models.CompositePrimaryKey("bucket", "stream_id", "command_id")
    bucket = models.IntegerField()
    stream_id = models.TextField()
    command_id = models.TextField()
    seq = models.IntegerField()
    name = models.TextField()
    data = models.JSONField()
    data_hash = models.BinaryField()
    outcome = models.JSONField()
    first_version = models.IntegerField()
    last_version = models.IntegerField()
    decided_at = models.DateTimeField()

    class Meta(Log.Meta):
        managed = False
        db_table = "command_log"

    def __str__(self) -> str:
        return f"{self.stream_id} {self.seq} {self.name}"
