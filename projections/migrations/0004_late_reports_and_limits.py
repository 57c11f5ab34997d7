"""Creates the tables of the late reports and of the limit watch."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
PARTS = ("late_report", "limit_watch")


class Migration(migrations.Migration):
    dependencies = [("projections", "0003_usage_and_activity")]
    operations = [
        migrations.RunSQL(
            sql="\n".join((SQL / f"0004_{part}.sql").read_text() for part in PARTS),
            reverse_sql="DROP TABLE late_report, limit_watch, limit_watch_member",
        ),
    ]
