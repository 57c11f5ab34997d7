"""Who members are, encrypted, and the keyed hashes by which an e-mail finds them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0001_api_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemberProfile",
            fields=[
                ("member_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("email", models.BinaryField()),
                ("name", models.BinaryField()),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["member_id"],
            },
        ),
        migrations.CreateModel(
            name="KnownEmail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                ("member_id", models.CharField(db_index=True, max_length=64)),
                ("current", models.BooleanField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("digest", "member_id"), name="known_email_once")
                ],
            },
        ),
    ]
