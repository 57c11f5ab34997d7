"""Reads what was written in older shapes: each upcaster lifts one event type by one version.

Stored events are never rewritten. An upcaster is a pure function of the stored JSON, so what an
older event did not say stays unsaid (None); it is never guessed from other events.
"""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def _license_expired_1(data: Data) -> Data:
    # Version 2 says which clock ended the license: its own, or that of its playback window.
    return {**data, "ended_by": None}


def _plan_changed_1(data: Data) -> Data:
    # Version 2 says what the plan and the country were before.
    return {**data, "previous_plan": None, "previous_country": None}


UPCASTERS: dict[tuple[str, int], Callable[[Data], Data]] = {
    ("LicenseExpired", 1): _license_expired_1,
    ("PlanChanged", 1): _plan_changed_1,
}
"""By type and the version that is lifted to the next one."""


def upcast(type_name: str, schema_version: int, data: Data, wanted: int) -> Data | None:
    """The data in the shape of version `wanted`, or None where no chain leads there."""
    if not 1 <= schema_version <= wanted:
        return None
    for version in range(schema_version, wanted):
        lift = UPCASTERS.get((type_name, version))
        if lift is None:
            return None
        data = lift(data)
    return data
