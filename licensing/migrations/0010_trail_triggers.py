"""A second lock on the audit trail, for the owner too; see 0002."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0009_trail"), ("licensing", "0002_append_only_triggers")]
    operations = [
        migrations.RunSQL((SQL / "0010_trail_triggers.sql").read_text("utf-8")),
    ]
