"""The administration: Django's admin in the product's own frame, for administrators alone.

Each of its addresses is a `staff_page`, so that one sign-in, one policy and one audit trail hold
here too; what is kept by events has no page here.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path

from timeline.http import may, staff_page


class Site(admin.AdminSite):
    """An index and the pages of what is registered; no sign-in and no password page of its own."""

    final_catch_all_view = False

    def has_permission(self, request: HttpRequest) -> bool:
        """As `staff_page` found before any page was called."""
        return may(request, "administer")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing: the frame of the product has its own."""
        return {}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """What can be kept here."""
        request.current_app = self.name
        kept = [
            {
                "name": model._meta.verbose_name_plural,
                "model": f"{model._meta.app_label}_{model._meta.model_name}",
                "about": getattr(keeper, "about", ""),
                "count": model._default_manager.count(),
            }
            for model, keeper in self._registry.items()
        ]
        context = {"section": "administration", "kept": kept, **(extra_context or {})}
        return TemplateResponse(request, "admin/index.html", context)

    def get_urls(self) -> list[Any]:
        """Every address, closed to all but administrators."""
        urls: list[Any] = [path("", self.index, name="index")]
        for model, keeper in self._registry.items():
            meta = model._meta
            urls.append(path(f"{meta.app_label}/{meta.model_name}/", include(keeper.urls)))
        _close(urls)
        return urls


def _close(urls: Iterable[URLPattern | URLResolver]) -> None:
    closed = staff_page(may="administer", reads="administration")
    for each in urls:
        if isinstance(each, URLResolver):
            _close(each.url_patterns)
        else:
            each.callback = closed(each.callback)


def refuse_method(*allowed: str) -> HttpResponse:
    """405 for what a page only shows."""
    return HttpResponse(status=405, headers={"Allow": ", ".join(allowed)})


site = Site(name="admin")
