"""Keeps how far the comparison of a build came, so that the next task goes on with it."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing is being compared across tasks before this."""

    dependencies = [("projections", "0008_grace")]
    operations = [migrations.RunSQL("ALTER TABLE projection_build ADD COLUMN comparing jsonb;")]
