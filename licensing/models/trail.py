"""The audit trail, to be looked at; `licensing.trail` writes it."""

from django.db import models

from licensing.models.log import Log


class AuditEntry(Log):
    """One thing that somebody saw or did."""

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    kind = models.TextField()
    who = models.TextField()
    roles = models.TextField()
    session = models.TextField()
    address = models.TextField()
    request_id = models.TextField()
    action = models.TextField()
    subject = models.TextField()
    purpose = models.TextField()
    reason = models.TextField()
    detail = models.JSONField()

    class Meta(Log.Meta):
        managed = False
        db_table = "audit_entry"
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.who} {self.action} {self.subject}"
