"""Walks every address of the product and every operation of its API."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import Operation

from timeline.api.api import api


class View(NamedTuple):
    """An address with the view behind it; `route` as it stands in the URL patterns."""

    route: str
    callback: Any
    name: str | None


class Call(NamedTuple):
    """An operation of the API under one of its methods."""

    method: str
    path: str
    operation: Operation


def views() -> list[View]:
    """Every address that Django knows."""
    return list(_below(get_resolver().url_patterns, ""))


def pages() -> list[View]:
    """Every address for people: all but those of the API."""
    return [view for view in views() if not view.route.startswith("api/v1/")]


def calls() -> list[Call]:
    """Every operation of the API that its description names."""
    return [call for call in every_call() if call.operation.include_in_schema]


def every_call() -> list[Call]:
    """Every operation of the API."""
    return [
        Call(method, _joined(prefix, path), operation)
        for prefix, router in api._routers
        for path, path_view in router.path_operations.items()
        for operation in path_view.operations
        for method in operation.methods
    ]


def _joined(prefix: str, path: str) -> str:
    whole = "/".join(part.strip("/") for part in (prefix, path) if part.strip("/"))
    return f"/{whole}"


def _below(patterns: list[Any], before: str) -> Iterator[View]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield View(route, pattern.callback, pattern.name)
