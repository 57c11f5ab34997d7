"""What support did and asked for: one row per confirmed form, counted by day, and open requests."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class StaffAction(models.Model):
    """A confirmed form, by the key that it was shown with: the receipt of every repeat.

    `open` while its command is under way, `done` with what came of it, `void` when nothing did.
    """

    key = models.CharField(primary_key=True, max_length=32)
    member_id = models.CharField(max_length=64)
    action = models.CharField(max_length=32)
    user_id = models.IntegerField()
    username = models.CharField(max_length=150)
    case = models.CharField(max_length=40, blank=True)
    day = models.DateField()
    counted = models.BooleanField()
    state = models.CharField(max_length=8)
    outcome = models.CharField(max_length=16, blank=True)
    version = models.IntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "staff_action"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["member_id", "at"], name="staff_action_member")
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.member_id} ({self.key})"


class StaffDay(models.Model):
    """How much of a day's cap somebody has used; the check is the database's, for every race."""

    user_id = models.IntegerField()
    day = models.DateField()
    used = models.IntegerField()

    class Meta:
        db_table = "staff_day"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user_id", "day"], name="staff_day_once"),
            models.CheckConstraint(condition=Q(used__gte=0), name="staff_day_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}: {self.used}"


class ApprovalRequest(models.Model):
    """An action beyond policy that waits for a second person. Nobody decides their own.

    `sent` are the fields as they were filled in; `words` the reason and the answer to it, sealed
    under the key of the member's stream, so that they go with it.
    """

    key = models.CharField(primary_key=True, max_length=32)
    member_id = models.CharField(max_length=64)
    action = models.CharField(max_length=32)
    sent = models.JSONField()
    beyond = models.CharField(max_length=200)
    words = models.JSONField()
    case = models.CharField(max_length=40, blank=True)
    seen_version = models.IntegerField()
    asked_by = models.IntegerField()
    asked_by_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=8, default="pending")
    decided_by = models.IntegerField(null=True)
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    version = models.IntegerField(null=True)

    class Meta:
        db_table = "approval_request"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "asked_at"], name="approval_request_open"),
            models.Index(fields=["member_id", "asked_at"], name="approval_request_member"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                name="approval_request_by_another",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.member_id}, {self.state}"
