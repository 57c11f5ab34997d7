"""A key for each stream that holds personal text, and the function that destroys it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0010_trail_triggers")]
    operations = [
        migrations.RunSQL((SQL / "0011_stream_key.sql").read_text("utf-8")),
    ]
