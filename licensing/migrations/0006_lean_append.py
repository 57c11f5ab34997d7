"""The append again, measured and made leaner; the chain covers `appended_at` too."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0005_import")]
    operations = [
        migrations.RunSQL((SQL / "0006_lean_append.sql").read_text("utf-8")),
    ]
