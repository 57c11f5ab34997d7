"""Creates what the jobs, their workers and the operations page keep books on."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
TABLES = (
    "job_control",
    "job_tick",
    "job_tally",
    "task_delivery",
    "projection_lag_sample",
    "event_census",
    "event_kind",
    "stream_census",
)
COLUMNS = (
    "DROP INDEX job_attempt_gave_up;"
    "ALTER TABLE job_attempt DROP COLUMN claimed, DROP COLUMN lost, DROP COLUMN worker;"
    "ALTER TABLE projections_heartbeat DROP COLUMN kind, DROP COLUMN pid, DROP COLUMN started_at,"
    " DROP COLUMN took_at;"
)


class Migration(migrations.Migration):
    dependencies = [("projections", "0004_late_reports_and_limits")]
    operations = [
        migrations.RunSQL(
            sql=(SQL / "0005_jobs.sql").read_text(),
            reverse_sql=f"DROP TABLE {', '.join(TABLES)};{COLUMNS}",
        ),
    ]
