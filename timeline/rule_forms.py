"""The forms in which facts, counters, limits, reasons, lists, tables and examples are declared."""

import re
from typing import Any, ClassVar

import msgspec
from django import forms

from licensing import guard
from licensing.rules import sheets, wording
from licensing.rules.facts import PLAIN, Counter, Fact
from licensing.rules.ruleset import Case, Limit, RuleSet, type_of
from licensing.rules.tables import Table
from licensing.rules.windows import LONGEST_H, Window
from licensing.rules.wording import Unreadable

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
CODE = re.compile(r"[A-Z][A-Z0-9_]{0,47}")
PATH = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+){0,4}")
TERMS = ("license_h", "playback_h", "renew_window_h", "renew_ext_h", "renew_grace_h")
"""What the domain knows to do with, beside the limits that a rule set declares."""


class Declaring(forms.Form):
    """A form over a rule set: `ruleset` says what is known, `old` the name of what is edited."""

    name_pattern: ClassVar[re.Pattern[str]] = NAME
    name_words: ClassVar[str] = "small letters, digits and underscores, a letter first"

    def __init__(self, *args: Any, ruleset: RuleSet, old: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ruleset, self.old = ruleset, old
        self.label_suffix = ""
        self.prepare()
        if old and "name" in self.fields:
            self.fields["name"].disabled = True
            self.fields["name"].initial = old

    def prepare(self) -> None:
        """Fill in the choices."""

    def taken(self) -> set[str]:
        """The names that are given already."""
        return set()

    def clean_name(self) -> str:
        """A name that the rule set can use, and has not given to something else."""
        name = str(self.cleaned_data["name"])
        if self.old:
            return self.old
        if not self.name_pattern.fullmatch(name):
            raise forms.ValidationError(f"A name is made of {self.name_words}.")
        if name in self.taken():
            raise forms.ValidationError(f"There is a {name} already.")
        return name


def _name(label: str, hint: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=48, help_text=hint)


def _line(label: str, hint: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, max_length=200, help_text=hint, required=required)


def _values(text: str, kind: str) -> list[Any]:
    """Values separated by commas or lines. Raises ValidationError."""
    text = ", ".join(line for line in text.replace("\r", "").split("\n") if line.strip())
    try:
        cell = wording.read(text, kind) if text.strip() else None  # type: ignore[arg-type]
    except Unreadable as wrong:
        raise forms.ValidationError(str(wrong)) from None
    if cell is None:
        return []
    if cell.in_ is None or cell.values({}) != cell.in_:
        raise forms.ValidationError("Write values only, separated by commas.")
    return list(cell.in_)


class FactForm(Declaring):
    """A fact: where a value is found in a request, and what it may be."""

    name = _name("Name", "how rows call it, e.g. quality")
    label = _line("Label", "how people call it, e.g. Quality")
    path = _line("Found at", "e.g. title.quality, device.type, context.network, member.country")
    type = forms.ChoiceField(
        label="Type",
        choices=[("string", "text"), ("integer", "whole number"), ("boolean", "yes or no")],
    )
    domain = forms.CharField(
        label="Only these values", required=False, max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="separated by commas; leave it empty where new values may come",
    )  # fmt: skip
    required = forms.BooleanField(label="Required: a request without it is refused", required=False)
    default = _line("When not given", "the value that is taken then", required=False)

    def taken(self) -> set[str]:
        """Facts and counters share one space of names."""
        return {*self.ruleset.facts, *self.ruleset.counters}

    def clean_path(self) -> str:
        """A dotted path."""
        path = str(self.cleaned_data["path"])
        if not PATH.fullmatch(path):
            raise forms.ValidationError("A path is made of names with dots between them.")
        return path

    def clean(self) -> dict[str, Any]:
        """Values that fit the type."""
        found: dict[str, Any] = super().clean() or {}
        kind = found.get("type", "string")
        try:
            values = _values(found.get("domain", ""), "string")
            found["domain"] = values or None
        except forms.ValidationError as wrong:
            self.add_error("domain", wrong)
        if found.get("domain") and kind != "string":
            self.add_error("domain", "Only texts are one of a few values.")
        try:
            found["default"] = wording.read_scalar(found.get("default", ""), kind)
        except Unreadable as wrong:
            self.add_error("default", str(wrong))
        return found

    def value(self) -> dict[str, Any]:
        """The fact in document form."""
        given = self.cleaned_data
        fact: dict[str, Any] = {"path": given["path"], "label": given["label"]}
        if given["required"]:
            fact["required"] = True
        if given["domain"]:
            fact["domain"] = given["domain"]
        else:
            fact["type"] = given["type"]
        return fact

    @classmethod
    def initial_of(cls, ruleset: RuleSet, name: str, fact: Fact) -> dict[str, Any]:
        """What a fact says, for its form."""
        default = ruleset.defaults.get(name)
        return {
            "name": name, "label": fact.label, "path": fact.path,
            "type": ruleset.types().get(name, "string"), "required": fact.required,
            "domain": ", ".join(map(wording.quoted, fact.domain or ())),
            "default": "" if default is None else wording.scalar(default),
        }  # fmt: skip


WINDOWS = (
    ("ever", "ever"),
    ("hours", "the last hours"),
    ("days", "the last days"),
    ("day", "the calendar day"),
    ("week", "the calendar week"),
    ("month", "the calendar month"),
    ("year", "the calendar year"),
)
CONDITIONS = 3


class CounterForm(Declaring):
    """A counter over a member's own history; and, if wanted, the limit that it is for."""

    name = _name("Name", "e.g. studio_4k_today")
    label = _line("Label", "e.g. 4K downloads from this studio today")
    of = forms.ChoiceField(
        label="Count",
        choices=[(n, n) for n in ("downloads", "playbacks", "renewals", "releases", "refusals")],
    )
    same = forms.MultipleChoiceField(
        label="Only those with the same", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="as the request",
    )  # fmt: skip
    distinct = forms.ChoiceField(label="Counting once each", required=False)
    live = forms.BooleanField(label="Only licenses that are active", required=False)
    window = forms.ChoiceField(label="In", choices=WINDOWS)
    length = forms.IntegerField(
        label="How many hours or days", required=False, min_value=1, max_value=LONGEST_H
    )
    limit = _name("Limit", "how rows set it, e.g. studio_4k_max; leave it empty for none")
    limit_label = _line("Limit in words", "what there may be so many of", required=False)
    reason = forms.CharField(label="Reason code", max_length=48, required=False,
                             help_text="e.g. STUDIO_4K_DAILY")  # fmt: skip
    message = _line("Reason in words", "what the member is told", required=False)

    def prepare(self) -> None:
        """Attributes are those of declared facts, and what every download knows."""
        paths = sorted({*PLAIN, *(fact.path for fact in self.ruleset.facts.values())})
        named = {fact.path: fact.label for fact in self.ruleset.facts.values()}
        choices = [
            (path, f"{named[path]} ({path})" if path in named else path)
            for path in paths
            if not path.startswith(("license.", "member."))
        ]
        chosen = ["", "device_id", "title_id", "studio"]
        self.fields["same"].choices = choices  # type: ignore[attr-defined]
        self.fields["distinct"].choices = [  # type: ignore[attr-defined]
            (each, each or "everything counts") for each in chosen
        ]
        self.fields["limit"].required = False
        for number in self._numbers():
            self.fields[f"path_{number}"] = forms.ChoiceField(
                label="Where", required=False, choices=[("", "—"), *choices]
            )
            self.fields[f"is_{number}"] = forms.CharField(
                label="is", required=False, max_length=400
            )
        if self.old:
            for name in ("limit", "limit_label", "reason", "message"):
                del self.fields[name]

    def taken(self) -> set[str]:
        """Facts and counters share one space of names."""
        return {*self.ruleset.facts, *self.ruleset.counters}

    def clean(self) -> dict[str, Any]:
        """One window, and conditions that can be read."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("window") in ("hours", "days") and not found.get("length"):
            self.add_error("length", "Say how many.")
        if found.get("live") and found.get("of") != "downloads":
            self.add_error("live", "Only downloads can be active.")
        found["where"] = self._where(found)
        if not self.old:
            self._check_limit(found)
        return found

    def _numbers(self) -> range:
        """The lines for conditions: a few, and always one more than there are."""
        known = self.ruleset.counters.get(self.old)
        return range(1, max(CONDITIONS, len(known.where) + 1 if known else 0) + 1)

    def _where(self, found: dict[str, Any]) -> dict[str, Any]:
        where: dict[str, Any] = {}
        kinds = {f.path: self.ruleset.types().get(n, "string")
                 for n, f in self.ruleset.facts.items()}  # fmt: skip
        for number in self._numbers():
            path, text = found.get(f"path_{number}", ""), found.get(f"is_{number}", "")
            if not path and not text.strip():
                continue
            if not path:
                self.add_error(f"path_{number}", "Say what this is about.")
                continue
            kind: Any = kinds.get(path, "string")
            try:
                column = sheets.Column(f"when.{path}", path, kind)
                value = sheets.cell_value(self.ruleset, column, wording.read(text, kind))
            except Unreadable as wrong:
                self.add_error(f"is_{number}", str(wrong))
                continue
            if value is not None:
                where[path] = value
        return where

    def _check_limit(self, found: dict[str, Any]) -> None:
        name, code = found.get("limit", ""), found.get("reason", "")
        if not name:
            return
        if not NAME.fullmatch(name):
            self.add_error("limit", f"A name is made of {self.name_words}.")
        elif name in self.ruleset.limits:
            self.add_error("limit", f"There is a limit {name} already.")
        if not CODE.fullmatch(code):
            self.add_error("reason", "A code is made of capital letters, digits and underscores.")
        elif code not in self.ruleset.reasons and not found.get("message"):
            self.add_error("message", "Say in words why the request is refused then.")

    def value(self) -> dict[str, Any]:
        """The counter in document form."""
        given = self.cleaned_data
        counter: dict[str, Any] = {"of": given["of"], "label": given["label"]}
        if given["same"]:
            counter["same"] = given["same"]
        if given["distinct"]:
            counter["distinct"] = given["distinct"]
        if given["live"]:
            counter["live"] = True
        window = given["window"]
        if window in ("hours", "days"):
            counter["window"] = {window: given["length"]}
        elif window != "ever":
            counter["window"] = {"calendar": window}
        if given["where"]:
            counter["where"] = given["where"]
        return counter

    def limit_value(self) -> dict[str, Any] | None:
        """The limit that it is for, in document form."""
        given = self.cleaned_data
        if not given.get("limit"):
            return None
        return {
            "fact": given["name"],
            "reason": given["reason"],
            "label": given["limit_label"] or given["label"][:1].lower() + given["label"][1:],
            "purposes": ["acquire"],
        }

    @classmethod
    def initial_of(cls, name: str, counter: Counter) -> dict[str, Any]:
        """What a counter says, for its form."""
        found: dict[str, Any] = {
            "name": name, "label": counter.label, "of": counter.of, "same": list(counter.same),
            "distinct": counter.distinct or "", "live": counter.live, "window": "ever",
        }  # fmt: skip
        window = counter.window
        if window == "calendar_year":
            window = Window(calendar="year")
        if isinstance(window, int):
            window = Window(hours=window)
        if isinstance(window, Window):
            found["window"] = window.calendar or ("days" if window.days else "hours")
            found["length"] = window.days or window.hours
        for number, (path, cell) in enumerate(counter.where.items(), start=1):
            found |= {f"path_{number}": path, f"is_{number}": wording.said(cell)}
        return found


class LimitForm(Declaring):
    """A limit: which value an output binds, and what is said when it leaves no room."""

    name = _name("Name", "how rows set it, e.g. max_devices")
    label = _line("Label", "what there may be so many of, e.g. devices")
    fact = forms.ChoiceField(label="Binds")
    reason = forms.ChoiceField(label="Reason")
    kind = forms.ChoiceField(
        label="Granted while",
        choices=[("room", "there is room for one more"), ("at_most", "the value is at most that")],
    )
    purposes = forms.MultipleChoiceField(
        label="For", widget=forms.CheckboxSelectMultiple,
        choices=[("acquire", "downloads"), ("renew", "renewals")],
    )  # fmt: skip

    def prepare(self) -> None:
        """Counters, and facts that are numbers."""
        types = self.ruleset.types()
        counters = [
            (name, f"{each.label} ({name})") for name, each in self.ruleset.counters.items()
        ]
        facts = [
            (name, f"{each.label} ({name})")
            for name, each in self.ruleset.facts.items()
            if types.get(name) == "integer"
        ]
        self.fields["fact"].choices = [*counters, *facts]  # type: ignore[attr-defined]
        self.fields["reason"].choices = [(each, each) for each in self.ruleset.reasons]  # type: ignore[attr-defined]

    def taken(self) -> set[str]:
        """The limits that there are."""
        return set(self.ruleset.limits)

    def value(self) -> dict[str, Any]:
        """The limit in document form."""
        given = self.cleaned_data
        names = ("fact", "reason", "label", "purposes")
        limit = {name: given[name] for name in names}
        return limit | ({"kind": "at_most"} if given["kind"] == "at_most" else {})

    @classmethod
    def initial_of(cls, name: str, limit: Limit) -> dict[str, Any]:
        """What a limit says, for its form."""
        return {**msgspec.to_builtins(limit), "purposes": list(limit.purposes), "name": name}


class ReasonForm(Declaring):
    """A reason code with the words for it."""

    name_pattern = CODE
    name_words = "capital letters, digits and underscores"
    name = _name("Code", "e.g. STUDIO_4K_DAILY")
    message = _line("In words", "what the member is told")

    def taken(self) -> set[str]:
        """The codes that there are."""
        return set(self.ruleset.reasons)

    def value(self) -> str:
        """The words."""
        return str(self.cleaned_data["message"])


class ListForm(Declaring):
    """A named list of values, for cells that say “in EEA”."""

    name_pattern = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}")
    name_words = "letters, digits, dashes and underscores, a letter first"
    name = _name("Name", "e.g. EEA")
    values = forms.CharField(
        label="Values", widget=forms.Textarea(attrs={"rows": 5}), max_length=100_000,
        help_text="separated by commas or lines",
    )  # fmt: skip

    def taken(self) -> set[str]:
        """The lists that there are."""
        return set(self.ruleset.lists)

    def clean_values(self) -> list[Any]:
        """Values of one type, each once."""
        text = str(self.cleaned_data["values"])
        known = self.ruleset.lists.get(self.old, ())
        kind = type_of(known[0]) if known else "string"
        return list(dict.fromkeys(_values(text, kind)))

    def value(self) -> list[Any]:
        """The values."""
        found: list[Any] = self.cleaned_data["values"]
        return found


class TableForm(Declaring):
    """A table: what it is called, how its rows decide together, and its columns."""

    name_pattern = re.compile(r"[a-z][a-z0-9-]{0,47}")
    name_words = "small letters, digits and dashes, a letter first"
    name = _name("Id", "e.g. daily")
    title = _line("Title", "e.g. Daily limits")
    hit = forms.ChoiceField(
        label="Its rows",
        choices=[("collect", "restrict: every matching row counts, the strictest wins"),
                 ("unique", "grant: exactly one row matches each request")],
    )  # fmt: skip
    inputs = forms.MultipleChoiceField(
        label="When", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="the facts that its rows ask for",
    )  # fmt: skip
    outputs = forms.MultipleChoiceField(
        label="Then", widget=forms.CheckboxSelectMultiple, help_text="what its rows set"
    )
    fill = forms.IntegerField(
        label="In rows that do not say",
        required=False,
        help_text="the number that rows of a base table get in a new column",
    )

    def prepare(self) -> None:
        """Facts under When; limits, terms and the bare permission under Then."""
        rules = self.ruleset
        facts = [(name, each.label) for name, each in rules.facts.items()]
        used = [name for table in rules.tables for name in table.outputs]
        names = list(dict.fromkeys([*rules.limits, *used, *TERMS, "allow"]))
        outputs = [(name, f"{sheets.output_label(rules, name)} ({name})") for name in names]
        self.fields["inputs"].choices = facts  # type: ignore[attr-defined]
        self.fields["outputs"].choices = outputs  # type: ignore[attr-defined]
        if self.old:
            self.fields["hit"].disabled = True
            self.fields["hit"].initial = next(t.hit for t in rules.tables if t.id == self.old)
        else:
            del self.fields["fill"]

    def taken(self) -> set[str]:
        """The tables that there are."""
        return {table.id for table in self.ruleset.tables}

    def merge(self) -> dict[str, str]:
        """How each output of a restriction is merged: truths by and, numbers by the smallest."""
        return {
            name: "and" if sheets.output_kind(self.ruleset, name) == "boolean" else "min"
            for name in self.cleaned_data["outputs"]
        }

    @classmethod
    def initial_of(cls, table: Table) -> dict[str, Any]:
        """What a table says, for its form."""
        return {
            "name": table.id, "title": table.title, "hit": table.hit,
            "inputs": list(table.inputs), "outputs": list(table.outputs),
        }  # fmt: skip


class CaseForm(Declaring):
    """An example: a request, and what must come of it, for as long as it is kept."""

    name_pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
    name_words = "letters, digits, dots, dashes and underscores"
    name = _name("Id", "e.g. third-4k")
    title = _line("In words", "e.g. the third 4K download on one day", required=False)
    purpose = forms.ChoiceField(
        label="Request", choices=[("acquire", "a download"), ("renew", "a renewal")]
    )
    at = _line("At", "a date, where dates of rows matter", required=False)
    reason = forms.ChoiceField(label="Must be", required=False)
    row = _line("Decided by", "the id of a row; empty for whichever", required=False)

    def prepare(self) -> None:
        """A field for each fact and each counter."""
        rules = self.ruleset
        self.fields["reason"].choices = [  # type: ignore[attr-defined]
            ("", "granted"), *((code, f"refused with {code}") for code in rules.reasons)
        ]  # fmt: skip
        types = rules.types()
        for name, fact in rules.facts.items():
            choices = fact.domain or (("yes", "no") if types.get(name) == "boolean" else None)
            if choices:
                self.fields[f"f.{name}"] = forms.ChoiceField(
                    label=fact.label, required=False,
                    choices=[("", "not given"), *((each, each) for each in choices)],
                )  # fmt: skip
            else:
                self.fields[f"f.{name}"] = forms.CharField(
                    label=fact.label, required=False, max_length=200
                )
        for name, counter in rules.counters.items():
            self.fields[f"n.{name}"] = forms.IntegerField(
                label=f"{counter.label}, before", required=False, min_value=0, max_value=10**6
            )

    def taken(self) -> set[str]:
        """The examples that there are."""
        return {case.id for case in self.ruleset.cases}

    def clean(self) -> dict[str, Any]:
        """Values of their facts' types, and a row that there is."""
        found: dict[str, Any] = super().clean() or {}
        types = self.ruleset.types()
        found["given"] = {}
        for name in self.ruleset.facts:
            try:
                text = str(found.get(f"f.{name}") or "")
                value = wording.read_scalar(text, types.get(name, "string"))
            except Unreadable as wrong:
                self.add_error(f"f.{name}", str(wrong))
                continue
            if value is not None:
                found["given"][name] = value
        try:
            found["at"] = sheets.read_date(found.get("at", ""))
        except Unreadable as wrong:
            self.add_error("at", str(wrong))
        if found.get("row") and found["row"] not in self.ruleset.rows():
            self.add_error("row", f"There is no row {found['row']}.")
        return found

    def value(self) -> dict[str, Any]:
        """The example in document form."""
        given = self.cleaned_data
        expect = {"reason": given["reason"] or None, "row": given["row"] or None}
        counts = {
            name: given[f"n.{name}"] for name in self.ruleset.counters if given.get(f"n.{name}")
        }
        case: dict[str, Any] = {
            "id": given["name"], "given": given["given"],
            "expect": {name: value for name, value in expect.items() if value is not None},
        }  # fmt: skip
        if given["title"]:
            case["title"] = given["title"]
        if given["purpose"] != "acquire":
            case["purpose"] = given["purpose"]
        if counts:
            case["counts"] = counts
        if given["at"]:
            case["at"] = given["at"].isoformat().replace("+00:00", "Z")
        return case

    @classmethod
    def initial_of(cls, case: Case) -> dict[str, Any]:
        """What an example says, for its form."""
        found: dict[str, Any] = {
            "name": case.id, "title": case.title, "purpose": case.purpose,
            "at": sheets.date_text(case.at), "reason": case.expect.reason or "",
            "row": case.expect.row or "",
        }  # fmt: skip
        found |= {
            f"f.{name}": "" if value is None else wording.scalar(value)
            for name, value in case.given.items()
        }
        return found | {f"n.{name}": count for name, count in case.counts.items()}


def case_from(text: str) -> dict[str, Any]:
    """What the Try tab hands on as an example, for the form; nothing of what is no JSON."""
    try:
        found = guard.read_json(text.encode("utf-8", "surrogatepass"))
        case = msgspec.convert({"id": "x", **found}, Case)
    except (guard.Refused, msgspec.ValidationError):
        return {}
    return {**CaseForm.initial_of(case), "name": ""}
