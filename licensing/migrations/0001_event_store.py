"""Makes the event store: its tables, the append function and the rights on them."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
FILES = ("0001_functions", "0001_tables", "0001_append_events", "0001_rights")


class Migration(migrations.Migration):
    """History has no way back, so neither has this migration."""

    initial = True
    operations = [migrations.RunSQL((SQL / f"{name}.sql").read_text("utf-8")) for name in FILES]
