"""`manage.py check_events`: says which events of the store this build cannot read."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from licensing import connection, readability, store


class Command(BaseCommand):
    """Lists the event types in the store and whether this build reads them."""

    help = (
        "List every event type and schema version in the store with its count. Ends with status 1 "
        "when this build has no reader for one: such events are listed raw, and commands on their "
        "members answer 409, until a build that knows them runs again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads every event once."""
        unreadable = 0
        for kind in store.event_kinds(connection.opened()):
            readable = readability.readable(kind.type, kind.schema_version)
            unreadable += not readable
            note = "" if readable else f"  cannot be read, for one in {kind.stream_id}"
            self.stdout.write(f"{kind.count:>12,}  {kind.type} {kind.schema_version}{note}")
        if unreadable:
            sorts = "sort of event" if unreadable == 1 else "sorts of events"
            raise CommandError(f"{unreadable} {sorts} cannot be read by this build")
