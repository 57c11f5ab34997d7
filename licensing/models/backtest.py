"""The table of the backtests: what each run is about, how far it is, what it found."""

from typing import ClassVar

from django.db import models


class BacktestRun(models.Model):
    """One backtest, kept for good: work goes on from (`after_bucket`, `after_stream`).

    `hash` names the rules that are tried, `in_force` those that decided when it was started.
    Written by `licensing.backtests` alone.
    """

    class State(models.TextChoices):
        """Where a run stands; the last three are ends, and a stopped one may go on."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"

    class Level(models.TextChoices):
        """Each decision by itself on what was recorded; or all lived again, counted anew."""

        FIRST_ORDER = "first order"
        CLOSED_LOOP = "closed loop"

    id = models.UUIDField(primary_key=True)
    rule_set_id = models.CharField(max_length=64)
    hash = models.CharField(max_length=71)
    in_force = models.CharField(max_length=71)
    document = models.JSONField()
    level = models.CharField(max_length=16, choices=Level)
    member_id = models.TextField(null=True)  # noqa: DJ001 (no member is not "")
    until = models.DateTimeField()
    started_by = models.CharField(max_length=150)
    state = models.CharField(max_length=8, choices=State)
    stop_asked = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    members_total = models.IntegerField(null=True)
    after_bucket = models.IntegerField(default=0)
    after_stream = models.TextField(default="")
    worked_s = models.FloatField(default=0)
    found = models.JSONField(null=True)
    error = models.TextField(default="")

    class Meta:
        db_table = "backtest_run"
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["hash", "-created_at"], name="backtest_run_hash"),
            models.Index(fields=["-created_at"], name="backtest_run_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.level} of {self.hash[:14]}, {self.state}"
