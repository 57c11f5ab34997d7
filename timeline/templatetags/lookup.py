"""`{{ mapping|lookup:key }}`: the value under a key that only the template knows."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def lookup(mapping: Any, key: str) -> Any:
    """The value, or "" where there is none."""
    return mapping.get(key, "") if isinstance(mapping, Mapping) else ""
