"""How many requests a second a key may send."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0003_recent_member"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="rate",
            field=models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(10000),
                ],
            ),
        ),
    ]
