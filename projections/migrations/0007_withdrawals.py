"""Creates the books of withdrawals, and the ways to the licenses of a title or a studio."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
INDEXES = ", ".join(
    f"license_index_{side}_active_{by}" for side in ("a", "b") for by in ("title", "studio")
)


class Migration(migrations.Migration):
    dependencies = [("projections", "0006_blue_green")]
    operations = [
        migrations.RunSQL(
            sql=(SQL / "0007_withdrawals.sql").read_text(),
            reverse_sql=f"DROP INDEX {INDEXES}; DROP TABLE withdrawal_item, withdrawal;",
        ),
    ]
