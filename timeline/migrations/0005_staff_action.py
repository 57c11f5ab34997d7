"""What support did from the pages, the day's caps, and requests for a second person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0004_key_rate"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("member_id", models.CharField(max_length=64)),
                ("action", models.CharField(max_length=32)),
                ("sent", models.JSONField()),
                ("beyond", models.CharField(max_length=200)),
                ("words", models.JSONField()),
                ("case", models.CharField(blank=True, max_length=40)),
                ("seen_version", models.IntegerField()),
                ("asked_by", models.IntegerField()),
                ("asked_by_name", models.CharField(max_length=150)),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("state", models.CharField(default="pending", max_length=8)),
                ("decided_by", models.IntegerField(null=True)),
                ("decided_by_name", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "approval_request",
                "indexes": [
                    models.Index(fields=["state", "asked_at"], name="approval_request_open"),
                    models.Index(fields=["member_id", "asked_at"], name="approval_request_member"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="approval_request_by_another",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffAction",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("member_id", models.CharField(max_length=64)),
                ("action", models.CharField(max_length=32)),
                ("user_id", models.IntegerField()),
                ("username", models.CharField(max_length=150)),
                ("case", models.CharField(blank=True, max_length=40)),
                ("day", models.DateField()),
                ("counted", models.BooleanField()),
                ("state", models.CharField(max_length=8)),
                ("outcome", models.CharField(blank=True, max_length=16)),
                ("version", models.IntegerField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "staff_action",
                "indexes": [models.Index(fields=["member_id", "at"], name="staff_action_member")],
            },
        ),
        migrations.CreateModel(
            name="StaffDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("user_id", models.IntegerField()),
                ("day", models.DateField()),
                ("used", models.IntegerField()),
            ],
            options={
                "db_table": "staff_day",
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "day"), name="staff_day_once"),
                    models.CheckConstraint(
                        condition=models.Q(("used__gte", 0)), name="staff_day_not_negative"
                    ),
                ],
            },
        ),
    ]
