"""The catalogue of titles."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0002_append_only_triggers")]
    operations = [
        migrations.CreateModel(
            name="Title",
            fields=[
                ("title_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("attributes", models.JSONField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"db_table": "title"},
        ),
    ]
