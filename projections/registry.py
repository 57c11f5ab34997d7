"""The projectors that run; a read model that is not named here does not exist."""

from projections.projector import Projector
from projections.read_models import (
    daily_activity,
    decision_log,
    late_report,
    license_index,
    limit_watch,
    member_directory,
    renewal_calendar,
    studio_usage,
)

PROJECTORS: tuple[Projector, ...] = (
    daily_activity.PROJECTOR,
    decision_log.PROJECTOR,
    late_report.PROJECTOR,
    license_index.PROJECTOR,
    limit_watch.PROJECTOR,
    member_directory.PROJECTOR,
    renewal_calendar.PROJECTOR,
    studio_usage.PROJECTOR,
)


def named(name: str) -> Projector:
    """The projector of this name; raises LookupError."""
    for projector in PROJECTORS:
        if projector.name == name:
            return projector
    raise LookupError(f"There is no projection named {name}.")
