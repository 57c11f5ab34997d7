"""Past events in bulk: where a batch came from, and the functions that take a chunk in."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0004_snapshot_page")]
    operations = [
        migrations.RunSQL((SQL / "0005_import.sql").read_text("utf-8")),
    ]
