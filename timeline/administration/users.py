"""Who may sign in, and in which roles."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm, UserCreationForm
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from timeline import sessions
from timeline.administration.kept import Kept, Tools
from timeline.policy import STAFF_ROLES


def _roles() -> "forms.ModelMultipleChoiceField[Group]":
    return forms.ModelMultipleChoiceField(
        Group.objects.filter(name__in=STAFF_ROLES).order_by("pk"),
        label="Roles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without a role, somebody can sign in and see nothing.",
    )


class NewUser(UserCreationForm):  # type: ignore[type-arg]
    """A name to sign in with, a first password, roles."""

    groups = _roles()

    class Meta(UserCreationForm.Meta):
        fields = ("username", "first_name", "last_name", "groups", "is_superuser")


class KnownUser(forms.ModelForm):  # type: ignore[type-arg]
    """Whoever may sign in already; `asked_by` is the key of whoever looks at the form."""

    groups = _roles()
    asked_by: ClassVar[int | None] = None

    class Meta:
        model = User
        fields = ("first_name", "last_name", "groups", "is_superuser", "is_active")

    def clean(self) -> dict[str, Any]:
        """Somebody who locks himself out could not mend it."""
        given = super().clean() or self.cleaned_data
        if self.instance.pk == self.asked_by:
            for name in ("is_superuser", "is_active"):
                if not given.get(name):
                    self.add_error(name, "Another administrator has to take this from you.")
        return given


class Users(Kept):
    """People; they are disabled and not deleted, for their names stand in the audit trail."""

    about = "Who may sign in, and in which roles."
    noted_as = ("admin", "user:")
    form = KnownUser
    list_display = ("username", "full_name", "held", "standing", "seen")
    search_fields = ("username", "first_name", "last_name")
    ordering = ("username",)
    readonly_fields = ("username", "last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[User]":
        return cast("QuerySet[User]", super().get_queryset(request)).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A name stays: the trail knows people by it."""
        return self.readonly_fields if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["username", "first_name", "last_name", "password1", "password2",
                    "groups", "is_superuser"]  # fmt: skip
        return ["username", "first_name", "last_name", "groups", "is_superuser", "is_active",
                "last_login", "date_joined"]  # fmt: skip

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made: Any = super().get_form(
            request, obj, change, **{"form": KnownUser if obj else NewUser, **kwargs}
        )
        made.asked_by = request.user.pk
        made.base_fields["is_superuser"].label = "Administrator"
        made.base_fields["is_superuser"].help_text = "Keeps people, keys, titles and profiles."
        if "is_active" in made.base_fields:
            made.base_fields["is_active"].label = "May sign in"
            made.base_fields["is_active"].help_text = "Without it, every session ends at once."
        if "username" in made.base_fields:
            made.base_fields["username"].label = "Name"
        return made

    def further(self) -> Any:
        return {"password": self.password}

    def tools(self, request: HttpRequest, kept: Any) -> Tools:
        return [("New password", self.address("password", kept))]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Whoever may not sign in any more is signed in nowhere."""
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.end_all(obj.pk)

    def told(self, kept: Any) -> dict[str, Any]:
        return {
            "name": kept.username,
            "roles": sorted(kept.groups.values_list("name", flat=True)),
            "administrator": kept.is_superuser,
            "may_sign_in": kept.is_active,
        }

    def password(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Another password for somebody who forgot it."""
        user = self.found(request, object_id)
        form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            with transaction.atomic():
                form.save()
                self.note(request, "password of", user)
            messages.success(request, f"{user} has a new password; every session of theirs ended.")
            return redirect(self.address("change", user))
        says = "It takes effect at once, and ends every session of theirs. Hand it over in person."
        return self.asked(request, user, form, f"New password for {user}", says, "Set password")

    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    full_name.short_description = "called"  # type: ignore[attr-defined]

    def held(self, user: User) -> str:
        roles = [group.name for group in user.groups.all()]
        return ", ".join([*roles, *(["administrator"] if user.is_superuser else [])]) or "none"

    held.short_description = "roles"  # type: ignore[attr-defined]

    def standing(self, user: User) -> str:
        return "yes" if user.is_active else "no"

    standing.short_description = "may sign in"  # type: ignore[attr-defined]

    def seen(self, user: User) -> str:
        return f"{user.last_login:%Y-%m-%d %H:%M}" if user.last_login else "never"

    seen.short_description = "last sign-in (UTC)"  # type: ignore[attr-defined]
