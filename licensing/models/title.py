"""The catalogue's table."""

from django.db import models


class Title(models.Model):
    """A film or series as the catalogue knows it; its attributes are facts for the rules."""

    title_id = models.CharField(max_length=64, primary_key=True)
    attributes = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "title"

    def __str__(self) -> str:
        return self.title_id
