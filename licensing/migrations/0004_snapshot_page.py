"""Pages that keyframes share."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0003_title")]
    operations = [
        migrations.RunSQL((SQL / "0004_snapshot_page.sql").read_text("utf-8")),
    ]
