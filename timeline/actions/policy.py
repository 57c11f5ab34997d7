"""What support may grant alone; beyond it a second person has to agree.

The longest life of a license is in the rules. What the rules do not say, goodwill's size, is here.
"""

from datetime import timedelta

from django.conf import settings

from licensing.domain.commands import ExtendLicense, GrantAllowance
from licensing.simulation import Preview
from timeline.presenters import clock


def beyond(preview: Preview) -> str:
    """What of a previewed action is more than one person may decide, in words; "" for nothing."""
    match preview.command:
        case GrantAllowance() as command:
            return _beyond_goodwill(preview, command)
        case ExtendLicense() if preview.turns:
            room = preview.turns[-1].parts[0]
            return f"{room.by} hours more than the longest life that the rules allow"
        case _:
            return ""


def _beyond_goodwill(preview: Preview, command: GrantAllowance) -> str:
    held = sum(
        1
        for x in preview.before.allowances.values()
        if x.withdrawn_at is None and x.expires_at > preview.now
    )
    in_hours = command.limit.endswith("_h")
    most = settings.ALLOWANCE_HOURS if in_hours else settings.ALLOWANCE_AMOUNT
    longest = timedelta(days=settings.ALLOWANCE_DAYS)
    if held >= settings.ALLOWANCES_AT_ONCE:
        return (
            f"{held} allowances count already; one person may grant {settings.ALLOWANCES_AT_ONCE}"
        )
    if command.amount > most:
        return f"{command.amount} more; one person may grant {most}{' hours' if in_hours else ''}"
    if command.expires_at - preview.now > longest:
        span = clock.duration(command.expires_at - preview.now)
        return f"for {span}; one person may grant {settings.ALLOWANCE_DAYS} days"
    return ""
