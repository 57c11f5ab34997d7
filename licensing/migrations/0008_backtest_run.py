"""The backtests that are kept. A run is about everybody, so it has no bucket."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0007_log_models")]
    operations = [
        migrations.CreateModel(
            name="BacktestRun",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("rule_set_id", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=71)),
                ("in_force", models.CharField(max_length=71)),
                ("document", models.JSONField()),
                (
                    "level",
                    models.CharField(
                        choices=[("first order", "First Order"), ("closed loop", "Closed Loop")],
                        max_length=16,
                    ),
                ),
                ("member_id", models.TextField(null=True)),
                ("until", models.DateTimeField()),
                ("started_by", models.CharField(max_length=150)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                        ],
                        max_length=8,
                    ),
                ),
                ("stop_asked", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("members_total", models.IntegerField(null=True)),
                ("after_bucket", models.IntegerField(default=0)),
                ("after_stream", models.TextField(default="")),
                ("worked_s", models.FloatField(default=0)),
                ("found", models.JSONField(null=True)),
                ("error", models.TextField(default="")),
            ],
            options={
                "db_table": "backtest_run",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["hash", "-created_at"], name="backtest_run_hash"),
                    models.Index(fields=["-created_at"], name="backtest_run_latest"),
                ],
            },
        ),
    ]
