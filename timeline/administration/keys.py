"""Keys of the API: issued, rotated and revoked, and their secrets shown once."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from timeline import audit, keeping
from timeline.administration.kept import Kept, Tools
from timeline.models import MOST_A_SECOND, SCOPES, ApiKey


class NewKey(forms.Form):
    """Who will use it, for what, how long and how fast."""

    key_id = forms.RegexField(r"^[0-9A-Za-z]{8}\Z", widget=forms.HiddenInput)
    name = forms.CharField(max_length=100, help_text="Who will use it.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="No more than it needs: reading and writing apart.",
    )
    days = forms.IntegerField(
        min_value=1, max_value=keeping.MOST_DAYS, initial=keeping.DAYS, label="Days it works"
    )
    rate = forms.IntegerField(
        min_value=1, max_value=MOST_A_SECOND, required=False, label="Requests a second"
    )


class Rotation(forms.Form):
    """How long the new key works, and how long the old one still does."""

    key_id = forms.RegexField(r"^[0-9A-Za-z]{8}\Z", widget=forms.HiddenInput)
    days = forms.IntegerField(
        min_value=1, max_value=keeping.MOST_DAYS, initial=keeping.DAYS, label="Days it works"
    )
    keep_hours = forms.IntegerField(
        min_value=0,
        max_value=keeping.MOST_KEPT_HOURS,
        initial=0,
        label="Hours the old key works on",
    )


class Keys(Kept):
    """Name and rate can be changed; scopes cannot, because nobody would notice at the tool."""

    about = "Keys of the API: issue, rotate, revoke. A secret is shown once."
    noted_as = ("key", "key:")
    list_display = ("name", "id", "standing", "granted", "speed")
    search_fields = ("name", "id")
    ordering = ("-created_at",)
    fields = ("id", "name", "rate", "granted", "standing", "created_at")
    readonly_fields = ("id", "granted", "standing", "created_at")

    def further(self) -> Any:
        return {"rotate": self.rotate, "revoke": self.revoke}

    def tools(self, request: HttpRequest, kept: Any) -> Tools:
        if not kept.usable(timezone.now()):
            return []
        return [("Rotate", self.address("rotate", kept)), ("Revoke", self.address("revoke", kept))]

    def told(self, kept: Any) -> dict[str, Any]:
        return {"name": kept.name, "scopes": list(kept.scopes)}

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Issues a key; the answer is the only time that its secret is seen."""
        form = _once(NewKey, request)
        if form.is_bound and form.is_valid():
            given = dict(form.cleaned_data)
            issued = _made(form, partial(keeping.issue, _note(request), **given))
            if issued:
                return self._shown(request, *issued)
        says = "Its secret is shown once, on the next page."
        return self.asked(request, None, form, "New key", says, "Issue key")

    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Issues the key that comes after this one."""
        old = self.found(request, object_id)
        form = _once(Rotation, request)
        if form.is_bound and form.is_valid():
            given = dict(form.cleaned_data)
            issued = _made(form, partial(keeping.rotate, _note(request), old.pk, **given))
            if issued:
                return self._shown(request, *issued)
        says = "The new key has the same name, scopes and rate, and a secret of its own."
        return self.asked(request, old, form, f"Rotate {old}", says, "Rotate")

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Ends a key, once that was confirmed."""
        key = self.found(request, object_id)
        if request.method == "POST":
            keeping.revoke(_note(request), key.pk)
            messages.success(request, f"{key} is revoked.")
            return redirect(self.address("change", key))
        says = "Whoever uses it is refused from the next request on. It cannot be taken back."
        return self.asked(request, key, forms.Form(), f"Revoke {key}?", says, "Revoke", danger=True)

    def _shown(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponseBase:
        context = {**self._framed(), "key": key, "secret": secret}
        context["back"] = self.address("change", key)
        return render(request, "admin/secret.html", context)

    def granted(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "none"

    granted.short_description = "scopes"  # type: ignore[attr-defined]

    def standing(self, key: ApiKey) -> str:
        if key.revoked_at:
            return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        if key.expires_at is None:
            return "works without end"
        word = "works until" if key.usable(timezone.now()) else "expired"
        return f"{word} {key.expires_at:%Y-%m-%d %H:%M}"

    standing.short_description = "state (UTC)"  # type: ignore[attr-defined]

    def speed(self, key: ApiKey) -> str:
        return f"{key.requests_a_second()}/s"

    speed.short_description = "rate"  # type: ignore[attr-defined]


def _note(request: HttpRequest) -> keeping.Note:
    return keeping.noted_by(partial(audit.record, request), "administration:")


def _once(kind: type[forms.Form], request: HttpRequest) -> forms.Form:
    """The form; the id of the key it will issue is made when it is shown, not when it is sent."""
    if request.method == "POST":
        return kind(request.POST)
    return kind(initial={"key_id": ApiKey.new_id()})


def _made(form: forms.Form, make: Any) -> tuple[ApiKey, str] | None:
    try:
        made: tuple[ApiKey, str] = make()
    except keeping.CannotBe as error:
        form.add_error(
            error.field if error.field in form.fields else None, ValidationError(error.why)
        )
        return None
    return made
