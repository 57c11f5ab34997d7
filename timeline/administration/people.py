"""Who members are: masked here as everywhere, and revealed on the audited page alone."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from timeline import audit, profiles
from timeline.administration.kept import Kept, Tools
from timeline.http import MEMBER_ID
from timeline.models import MemberProfile


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """An e-mail and a name that take the place of the ones kept; what is left empty stays."""

    member_id = forms.RegexField(rf"\A{MEMBER_ID.pattern}\Z", label="Member")
    new_email = forms.CharField(max_length=profiles.LONGEST_EMAIL, label="E-mail")
    new_name = forms.CharField(max_length=profiles.LONGEST_NAME, label="Name")

    class Meta:
        model = MemberProfile
        fields = ("member_id",)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.instance.pk:
            for name in ("new_email", "new_name"):
                self.fields[name].required = False
                self.fields[name].label = f"New {name[4:].replace('email', 'e-mail')}"
                self.fields[name].help_text = "Left empty, it stays."

    def clean_new_email(self) -> str:
        """An e-mail, or nothing."""
        given = str(self.cleaned_data["new_email"])
        try:
            return profiles.checked(given) if given else ""
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from None

    def clean(self) -> dict[str, Any]:
        """Nobody who was erased."""
        given = super().clean() or self.cleaned_data
        member_id = given.get("member_id", self.instance.pk)
        if member_id and profiles.is_erased(member_id):
            raise forms.ValidationError("This member was erased; a profile cannot be kept again.")
        return given


class Profiles(Kept):
    """Profiles; `manage.py erase_member` is the way to delete one, with all else of the person."""

    about = "Names and e-mails, masked. Agents reveal one with a reason."
    noted_as = ("admin", "")
    form = ProfileForm
    list_display = ("member_id", "masked_name", "masked_email", "changed")
    search_fields = ("member_id",)
    search_help_text = "A member’s id, or a whole e-mail."
    ordering = ("member_id",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("member_id", "new_email", "new_name")
        return ("member_id", "masked_name", "masked_email", "changed", "new_email", "new_name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return ("member_id", "masked_name", "masked_email", "changed")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """By the beginning of the id, or by the whole e-mail."""
        if not search_term:
            return queryset, False
        if member_id := profiles.find_by_email(search_term):
            return queryset.filter(pk=member_id), False
        found: QuerySet[MemberProfile] = queryset.filter(pk__istartswith=search_term)
        return found, False

    def tools(self, request: HttpRequest, kept: Any) -> Tools:
        return [
            ("Audited page", reverse("profile", args=(kept.pk,))),
            ("History", reverse("timeline", args=(kept.pk,))),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """A search is sent as a form, and one for an e-mail gets no address that would hold it."""
        if request.method == "POST":
            return self._sought(
                request, request.POST.get("q", "")[: profiles.LONGEST_EMAIL].strip()
            )
        return super().changelist_view(request, {"find_by_form": True, **(extra_context or {})})

    def _sought(self, request: HttpRequest, typed: str) -> HttpResponse:
        everybody = self.address("changelist")
        if "@" not in typed:
            return redirect(f"{everybody}?{urlencode({'q': typed})}" if typed else everybody)
        found = MemberProfile.objects.filter(pk=profiles.find_by_email(typed)).first()
        if found is None:
            messages.warning(request, "Nobody has this e-mail, nor had it.")
            return redirect(everybody)
        return redirect(self.address("change", found))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Looking at one member is noted as everywhere."""
        audit.read(request, self.found(request, object_id).pk, "profile")
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the profiles themselves, which encrypt."""
        known = profiles.reveal(obj.pk) if change else None
        email = form.cleaned_data["new_email"] or (known.email if known else "")
        name = form.cleaned_data["new_name"] or (known.name if known else "")
        profiles.put(obj.pk, email, name)

    def masked_name(self, row: MemberProfile) -> str:
        return profiles.masked_row(row).name

    masked_name.short_description = "name"  # type: ignore[attr-defined]

    def masked_email(self, row: MemberProfile) -> str:
        return profiles.masked_row(row).email

    masked_email.short_description = "e-mail"  # type: ignore[attr-defined]

    def changed(self, row: MemberProfile) -> str:
        return f"{row.changed_at:%Y-%m-%d %H:%M}"

    changed.short_description = "changed (UTC)"  # type: ignore[attr-defined]
