"""Django's view of the log: models to read with; the tables are those of 0001."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0006_lean_append"),
    ]

    operations = [
        migrations.CreateModel(
            name="Command",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bucket",
                        "stream_id",
                        "command_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("bucket", models.IntegerField()),
                ("stream_id", models.TextField()),
                ("command_id", models.TextField()),
                ("seq", models.IntegerField()),
                ("name", models.TextField()),
                ("data", models.JSONField()),
                ("data_hash", models.BinaryField()),
                ("outcome", models.JSONField()),
                ("first_version", models.IntegerField()),
                ("last_version", models.IntegerField()),
                ("decided_at", models.DateTimeField()),
            ],
            options={
                "db_table": "command_log",
                "abstract": False,
                "managed": False,
                "default_permissions": (),
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bucket",
                        "stream_id",
                        "version",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("bucket", models.IntegerField()),
                ("stream_id", models.TextField()),
                ("version", models.IntegerField()),
                ("position", models.BigIntegerField()),
                ("event_id", models.UUIDField()),
                ("type", models.TextField()),
                ("schema_version", models.SmallIntegerField()),
                ("data", models.JSONField()),
                ("metadata", models.JSONField()),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("appended_at", models.DateTimeField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "event",
                "abstract": False,
                "managed": False,
                "default_permissions": (),
                "base_manager_name": "objects",
            },
        ),
    ]
