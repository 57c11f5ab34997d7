"""What every kind of thing in the administration has in common."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from timeline import audit
from timeline.administration.site import refuse_method

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

Tools = list[tuple[str, str]]


class Kept(_ModelAdmin):
    """A list and a form; a row in the audit trail for each change, before it is answered.

    Nothing is deleted and nothing is changed in bulk: what is over is ended, and its name stays
    readable in the trail.
    """

    about: ClassVar[str] = ""
    """For the index: what these things are."""

    may_add: ClassVar[bool] = True
    may_change: ClassVar[bool] = True
    noted_as: ClassVar[tuple[str, str]] = ("admin", "")
    """The audit trail's action, and what stands before the key in its subject."""

    actions = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    view_on_site = False
    save_as = False

    def get_urls(self) -> list[Any]:
        """The list, the form for a new one, the form of each; `further` adds to them."""
        urls = [path("", self.changelist_view, name=self._named("changelist"))]
        if self.may_add:
            urls.append(path("add/", self.add_view, name=self._named("add")))
        urls += [
            path(f"<path:object_id>/{name}/", view, name=self._named(name))
            for name, view in {**self.further(), "change": self.change_view}.items()
        ]
        return urls

    def further(self) -> dict[str, Callable[..., HttpResponseBase]]:
        """More pages of each thing, by the last word of their address."""
        return {}

    def tools(self, request: HttpRequest, kept: Any) -> Tools:
        """Labels and addresses offered beside a thing's form."""
        return []

    def told(self, kept: Any) -> dict[str, Any]:
        """What the audit trail shall know of a thing beside the names of changed fields."""
        return {}

    # What the policy has let through may do all that there is a page for.
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """No filter by an address: it would tell hashes apart by their beginnings."""
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """None for what no key can be, so that nothing odd comes to the database."""
        if from_field or len(object_id) > 256 or not object_id.isprintable():
            return None
        return super().get_object(request, object_id)

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The thing of an address as Django writes it, or 404."""
        kept = self.get_object(request, unquote(object_id))
        if kept is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        return kept

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Read only: whatever is changed is changed in its form."""
        if request.method not in ("GET", "HEAD"):
            return refuse_method("GET", "HEAD")
        context = {**self._framed(), "about": self.about, **(extra_context or {})}
        return super().changelist_view(request, context)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A new one."""
        return super().add_view(request, form_url, {**self._framed(), **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """One that is there."""
        if not self.may_change and request.method not in ("GET", "HEAD"):
            return refuse_method("GET", "HEAD")
        kept = self.found(request, object_id)
        context = {**self._framed(), "tools": self.tools(request, kept), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def log_addition(self, request: HttpRequest, kept: Any, message: Any) -> Any:
        """In place of Django's log, whose rows can be changed."""
        self.note(request, "add", kept)

    def log_change(self, request: HttpRequest, kept: Any, message: Any) -> Any:
        """In place of Django's log; `message` is the list that `construct_change_message` made."""
        if message:
            self.note(request, "change", kept, fields=message)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The names of the changed fields, and never their values."""
        return list(form.changed_data)

    def note(self, request: HttpRequest, deed: str, kept: Any, **more: Any) -> None:
        """The row; raises NotNoted, which takes the change back."""
        action, prefix = self.noted_as
        purpose = f"administration: {deed} {self.opts.verbose_name}"
        audit.record(
            request, action, f"{prefix}{kept.pk}", purpose=purpose, **self.told(kept), **more
        )

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to what was added."""
        return self.done(request, obj, "is added")

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to what was changed."""
        return self.done(request, obj, "is saved")

    def done(self, request: HttpRequest, kept: Any, said: str) -> HttpResponse:
        """A redirect to the thing, with one line."""
        messages.success(request, f"{kept} {said}.")
        return redirect(self.address("change", kept))

    def address(self, name: str, kept: Any = None) -> str:
        """The address of one of these pages."""
        args = () if kept is None else (quote(kept.pk),)
        return reverse(f"admin:{self._named(name)}", args=args)

    def asked(
        self,
        request: HttpRequest,
        kept: Any,
        form: forms.Form,
        heading: str,
        says: str,
        do: str,
        *,
        danger: bool = False,
    ) -> HttpResponse:
        """A page with a form of its own."""
        context = {
            **self._framed(),
            "form": form,
            "kept": kept,
            "back": self.address("change", kept) if kept else self.address("changelist"),
            "heading": heading,
            "says": says,
            "do": do,
            "danger": danger,
            "plural": self.opts.verbose_name_plural,
        }
        status = 422 if form.is_bound and form.errors else 200
        return render(request, "admin/asked.html", context, status=status)

    def _framed(self) -> dict[str, Any]:
        return {"section": "administration", "list_url": self.address("changelist")}

    def _named(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"


def plain(text: str) -> str:
    """For forms: text without control characters or spaces around it."""
    if text != text.strip() or not text.isprintable():
        raise forms.ValidationError("No control characters, and no space before or after it.")
    return text
