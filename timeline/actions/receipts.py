"""What was done, as the page of its step tells it, and the action that takes it back."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from django.urls import reverse

from licensing import connection, history, store
from timeline.actions import kinds, ledger
from timeline.actions.models import StaffAction


class Receipt(msgspec.Struct, frozen=True):
    """A confirmed action. `undo` is the address of the form that takes it back, if there is one."""

    label: str
    outcome: str
    version: int
    by: str
    case: str
    undo: str
    again: str


def of(key: str, member_id: str) -> Receipt | None:
    """The receipt under a key, for the member that it is about."""
    row = ledger.find(key)
    if row is None or row.member_id != member_id or row.version is None:
        return None
    return Receipt(
        label=kinds.ACTIONS[row.action].label,
        outcome=row.outcome,
        version=row.version,
        by=row.username,
        case=row.case,
        undo=_undo(row) if row.outcome == "accepted" else "",
        again=reverse("action", args=[member_id, row.action]),
    )


def _undo(row: StaffAction) -> str:
    stream = history.stream_of(row.member_id)
    command = store.find_command(connection.opened(), stream, ledger.command_id(row.key))
    if command is None:
        return ""
    first, last = command.first_version, command.last_version
    events = store.read_stream(connection.opened(), stream, after=first - 1, until=last)
    told = (_taking_back(row.action, event.data) for event in events)
    found = next(filter(None, told), None)
    if found is None:
        return ""
    action, fields = found
    return f"{reverse('action', args=[row.member_id, action])}?{urlencode(fields)}"


def _taking_back(action: str, data: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    match action:
        case "extend" if "extension_id" in data:
            extension = f"{data['license_id']} {data['extension_id']}"
            return "take-extension-back", {"extension": extension}
        case "grant" if "allowance_id" in data:
            return "take-allowance-back", {"allowance": str(data["allowance_id"])}
        case "deactivate" if "device_id" in data:
            return "reactivate", {"device": str(data["device_id"])}
        case "reactivate" if "device_id" in data:
            return "deactivate", {"device": str(data["device_id"])}
        case _:
            return None
