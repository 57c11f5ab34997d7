"""The catalogue: put by the same call, through the same guard, as by the API."""

import json
from typing import Any

from django import forms
from django.http import HttpRequest

from licensing import catalogue, guard
from licensing.models import Title
from timeline.administration.kept import Kept, plain


class TitleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A title's id, and what is known of it as JSON."""

    title_id = forms.CharField(max_length=64, label="Id", strip=False)
    attributes = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text='What the rules may ask, as JSON: {"name": "Metropolis", "studio": "UFA"}.',
    )

    class Meta:
        model = Title
        fields = ("title_id", "attributes")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.instance.pk:
            known = json.dumps(self.instance.attributes, indent=2, ensure_ascii=False)
            self.initial["attributes"] = known

    def clean_title_id(self) -> str:
        """As the API would take it."""
        return plain(str(self.cleaned_data["title_id"]))

    def clean_attributes(self) -> dict[str, Any]:
        """An object that the guard lets in."""
        try:
            found = guard.read_json(str(self.cleaned_data["attributes"]).encode())
        except guard.Refused as refused:
            raise forms.ValidationError(str(refused)) from None
        if name := catalogue.misfit(found):
            raise forms.ValidationError(f"{name}: must be text")
        return found


class Titles(Kept):
    """What is known of each title; a title stays listed, because licenses name it."""

    about = "What is known of each title, for the rules to ask."
    noted_as = ("catalogue", "title:")
    form = TitleForm
    list_display = ("title_id", "called", "studio", "changed")
    search_fields = ("title_id", "attributes__name", "attributes__studio")
    ordering = ("title_id",)
    fields = ("title_id", "attributes")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """An id stays what it is."""
        return ("title_id",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the catalogue itself."""
        catalogue.put(obj.pk, obj.attributes)

    def called(self, title: Title) -> str:
        return str(title.attributes.get("name", "–"))

    called.short_description = "name"  # type: ignore[attr-defined]

    def studio(self, title: Title) -> str:
        return str(title.attributes.get("studio", "–"))

    def changed(self, title: Title) -> str:
        return f"{title.updated_at:%Y-%m-%d %H:%M}"

    changed.short_description = "changed (UTC)"  # type: ignore[attr-defined]
