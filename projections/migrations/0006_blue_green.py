"""Gives every read model two sides, and the rebuilds their books.

The side that was there becomes `a`. A view keeps the old name, for people and their SQL tools: it
shows whichever side is live.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
TABLES = {
    "daily_activity": [""],
    "decision_log": ["", "_license", "_member"],
    "late_report": [""],
    "license_index": ["", "_device"],
    "limit_watch": ["", "_member"],
    "member_directory": [""],
    "renewal_calendar": [""],
    "studio_usage": ["", "_license"],
}
"""Projection: what its tables' names end in."""


def two_sides(projection: str, ending: str) -> str:
    """The statements that make one table into two and a view."""
    old = f"{projection}{ending}"
    a, b = f"{projection}_a{ending}", f"{projection}_b{ending}"
    return f"""
        ALTER TABLE {old} RENAME TO {a};
        CREATE TABLE {b} (LIKE {a} INCLUDING ALL);
        CREATE VIEW {old} AS
            SELECT * FROM {a} WHERE 'a' = (SELECT side FROM projection_build
                WHERE projection = '{projection}' AND state = 'live')
            UNION ALL
            SELECT * FROM {b} WHERE 'b' = (SELECT side FROM projection_build
                WHERE projection = '{projection}' AND state = 'live');
    """  # noqa: S608 (names from above)


class Migration(migrations.Migration):
    dependencies = [("projections", "0005_jobs")]
    operations = [
        migrations.RunSQL((SQL / "0006_books.sql").read_text()),
        migrations.RunSQL(
            "".join(two_sides(name, ending) for name, all in TABLES.items() for ending in all)
        ),
    ]
