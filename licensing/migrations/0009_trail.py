"""The audit trail, append-only by rights."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("licensing", "0008_backtest_run")]
    operations = [
        migrations.RunSQL((SQL / "0009_trail.sql").read_text("utf-8")),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("kind", models.TextField()),
                ("who", models.TextField()),
                ("roles", models.TextField()),
                ("session", models.TextField()),
                ("address", models.TextField()),
                ("request_id", models.TextField()),
                ("action", models.TextField()),
                ("subject", models.TextField()),
                ("purpose", models.TextField()),
                ("reason", models.TextField()),
                ("detail", models.JSONField()),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "db_table": "audit_entry",
                "abstract": False,
                "managed": False,
                "default_permissions": (),
                "base_manager_name": "objects",
            },
        ),
    ]
