"""The tables that Django knows: the catalogue's to work with, the log's to look at."""

from licensing.models.log import Command, Event
from licensing.models.title import Title

__all__ = ["Command", "Event", "Title"]
