"""Creates the runner's books and the tables of the first three read models."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
PARTS = ("runner", "member_directory", "license_index", "renewal_calendar")
TABLES = (
    "projection",
    "projection_checkpoint",
    "projection_parked",
    "projections_heartbeat",
    "member_directory",
    "license_index",
    "license_index_device",
    "renewal_calendar",
    "job_attempt",
)


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(
            sql="\n".join((SQL / f"0001_{part}.sql").read_text() for part in PARTS),
            reverse_sql=f"DROP TABLE {', '.join(TABLES)}",
        ),
    ]
