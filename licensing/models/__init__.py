"""The tables that Django knows: catalogue and backtests to work with, the logs to look at."""

from licensing.models.backtest import BacktestRun
from licensing.models.log import Command, Event
from licensing.models.title import Title
from licensing.models.trail import AuditEntry

__all__ = ["AuditEntry", "BacktestRun", "Command", "Event", "Title"]
