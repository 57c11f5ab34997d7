"""What operators' forms have in common: a deed, and why."""

from django import forms

WHY = {
    "required": "Say why: it is kept in the audit trail.",
    "min_length": "Say why in a few words.",
    "max_length": "At most 200 characters.",
}


SAID = ("reason", "do", "per_second")
"""The fields that people fill in: what is wrong with them is told in its own words."""


class Reasoned(forms.Form):
    """A deed with its reason, which some deeds need."""

    do = forms.CharField()
    reason = forms.CharField(required=False, min_length=5, max_length=200, error_messages=WHY)
    known: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()

    def clean_do(self) -> str:
        """One of the deeds that there are."""
        if (deed := str(self.cleaned_data["do"])) not in self.known:
            raise forms.ValidationError("There is no such action.")
        return deed

    def clean_reason(self) -> str:
        """What is said, where something must be."""
        reason = str(self.cleaned_data["reason"])
        if not reason and self.data.get("do") in self.explained:
            raise forms.ValidationError(WHY["required"])
        return reason

    @property
    def problem(self) -> str:
        """The first thing that is wrong, in words."""
        for name, errors in self.errors.items():
            return str(errors[0]) if name in SAID else "That is not on this page."
        return ""
