"""Creates the tables of studio usage and daily activity."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
PARTS = ("daily_activity", "studio_usage")


class Migration(migrations.Migration):
    dependencies = [("projections", "0002_decision_log")]
    operations = [
        migrations.RunSQL(
            sql="\n".join((SQL / f"0003_{part}.sql").read_text() for part in PARTS),
            reverse_sql="DROP TABLE daily_activity, studio_usage, studio_usage_license",
        ),
    ]
