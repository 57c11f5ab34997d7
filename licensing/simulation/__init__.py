"""Trials: a member's history lived again with something changed, and nothing written."""

from licensing.simulation.backtest import (
    FEW,
    MANY,
    Backtest,
    Part,
    Sample,
    as_values,
    backtested,
    from_values,
)
from licensing.simulation.branch import Branch, Change, Deed, live_again
from licensing.simulation.counted import Counted, counted
from licensing.simulation.preview import Preview, preview
from licensing.simulation.recorded import Item, as_json, recorded
from licensing.simulation.redecided import Redecided, redecided
from licensing.simulation.what_if import NoSuchTrial, Trial, command_of, rules_of, what_if

__all__ = [
    "FEW",
    "MANY",
    "Backtest",
    "Branch",
    "Change",
    "Counted",
    "Deed",
    "Item",
    "NoSuchTrial",
    "Part",
    "Preview",
    "Redecided",
    "Sample",
    "Trial",
    "as_json",
    "as_values",
    "backtested",
    "command_of",
    "counted",
    "from_values",
    "live_again",
    "preview",
    "recorded",
    "redecided",
    "rules_of",
    "what_if",
]
