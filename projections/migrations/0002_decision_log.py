"""Creates the tables of the decision log."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("projections", "0001_projections")]
    operations = [
        migrations.RunSQL(
            sql=(SQL / "0002_decision_log.sql").read_text(),
            reverse_sql="DROP TABLE decision_log, decision_log_license, decision_log_member",
        ),
    ]
