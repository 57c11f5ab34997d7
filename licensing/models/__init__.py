"""The tables that Django knows: catalogue and backtests to work with, the log to look at."""

from licensing.models.backtest import BacktestRun
from licensing.models.log import Command, Event
from licensing.models.title import Title

__all__ = ["BacktestRun", "Command", "Event", "Title"]
