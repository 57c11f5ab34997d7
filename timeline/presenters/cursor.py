"""Where the playhead stands."""

from datetime import datetime

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """After step `version`, at `place` in the order, with the clock at `at`."""

    version: int
    place: int
    at: datetime
    carried: bool = False  # the clock has gone on past the step
