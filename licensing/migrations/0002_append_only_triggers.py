"""Refuses rewriting of history to the owner too; may be left out where there are no triggers."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """Kept apart from 0001: the grants there must suffice without it, as on Citus."""

    dependencies = [("licensing", "0001_event_store")]
    operations = [
        migrations.RunSQL((SQL / "0002_append_only_triggers.sql").read_text("utf-8")),
    ]
