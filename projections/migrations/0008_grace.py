"""Keeps in the renewal calendar how long after its end a license can still be renewed."""

from django.db import migrations


class Migration(migrations.Migration):
    """What is there already was granted without a grace; the view shows the new column too."""

    dependencies = [("projections", "0007_withdrawals")]
    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE renewal_calendar_a ADD COLUMN grace_h integer;
            ALTER TABLE renewal_calendar_b ADD COLUMN grace_h integer;
            CREATE OR REPLACE VIEW renewal_calendar AS
                SELECT * FROM renewal_calendar_a WHERE 'a' = (SELECT side FROM projection_build
                    WHERE projection = 'renewal_calendar' AND state = 'live')
                UNION ALL
                SELECT * FROM renewal_calendar_b WHERE 'b' = (SELECT side FROM projection_build
                    WHERE projection = 'renewal_calendar' AND state = 'live');
            """
        )
    ]
