"""What operators do: retry or skip what is parked, pause and resume jobs. Each leaves its row."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect

from projections import jobs, parking
from projections.parking import NotParked, Parked
from projections.registry import named
from timeline import audit
from timeline.http import MEMBER_ID, staff_page
from timeline.presenters import clock, operations
from timeline.presenters.directory import grouped
from timeline.views.operations.forms import Reasoned
from timeline.views.operations.page import show

JOB_PURPOSES = {"pause": "pause job", "resume": "resume job", "rate": "hold job to a rate"}
NO_RATE = "A whole number from 1 to 100 000, or nothing."
GONE = "This stream does not stand there any more: look at what is parked now."


class OnParked(Reasoned):
    """Retry or skip, and which stream of which build."""

    projection = forms.CharField(max_length=64)
    stream = forms.CharField(max_length=200)
    generation = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    known = ("retry", "skip")
    explained = ("skip",)


class OnGivenUp(Reasoned):
    """Which obligation is taken up again."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in jobs.KINDS])
    member = forms.RegexField(rf"^{MEMBER_ID.pattern}\Z")
    license = forms.CharField(max_length=128)
    due = forms.CharField(max_length=40)
    known = ("try again",)

    def clean_due(self) -> datetime:
        """The instant, exactly as it was shown."""
        due = clock.instant(str(self.cleaned_data["due"]))
        if due is None:
            raise forms.ValidationError("not an instant")
        return due


class OnJob(Reasoned):
    """Pause, resume or hold to a rate, and which kind."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in jobs.KINDS])
    per_second = forms.IntegerField(
        required=False, min_value=1, max_value=100_000,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), NO_RATE),
    )  # fmt: skip
    known = tuple(JOB_PURPOSES)
    explained = ("pause",)


@staff_page(may="operate")
def on_parked(request: HttpRequest) -> HttpResponseBase:
    """Try a parked stream again, or go on behind the event that is in its way."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = OnParked(request.POST)
    shown = (request.POST.get(name, "") for name in ("projection", "stream", "generation"))
    about = "-".join(("skip", *shown))
    if not form.is_valid():
        return _wrong(request, form, about)
    given = form.cleaned_data
    row = _found(given["projection"], given["stream"], given["generation"], given["version"])
    if row is None:
        return show(request, problem=GONE, status=409)
    projector, by, skips = named(row.projection), request.user.get_username(), given["do"] == "skip"
    audit.record(
        request,
        "operate",
        f"projection:{row.projection}",
        purpose=f"{given['do']} parked stream",
        reason=given["reason"],
        stream=row.stream_id,
        version=row.version,
    )
    try:
        if skips:
            level = parking.skip(
                projector, row.bucket, row.stream_id, row.version, by=by, reason=given["reason"],
                generation=row.generation,
            )  # fmt: skip
        else:
            level = parking.retry(
                projector, row.bucket, row.stream_id, by=by, generation=row.generation
            )
    except NotParked:  # somebody was faster by a moment
        return show(request, problem=GONE, status=409)
    what = f"{row.stream_id} in {operations.label(row.projection)}"
    if level:
        messages.success(request, f"{what} is level again.")
    else:
        still = not skips or _found(row.projection, row.stream_id, row.generation, row.version)
        left_out = f"event {row.version} is left out, and a later one is in the way."
        messages.warning(request, f"{what} is still parked." if still else f"{what}: {left_out}")
    return redirect("operations")


@staff_page(may="operate")
def on_job(request: HttpRequest) -> HttpResponseBase:
    """Let a kind of job rest, or go on, or not so fast."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = OnJob(request.POST)
    if not form.is_valid():
        deed = "rate" if request.POST.get("do") == "rate" else "pause"
        return _wrong(request, form, f"{deed}-{request.POST.get('kind', '')}")
    kind, deed, reason = (form.cleaned_data[name] for name in ("kind", "do", "reason"))
    rate = form.cleaned_data["per_second"]
    about = {"per_second": rate} if deed == "rate" else {}
    purpose = JOB_PURPOSES[deed]
    audit.record(request, "operate", f"job:{kind}", purpose=purpose, reason=reason, **about)
    by = request.user.get_username()
    if deed == "pause":
        jobs.pause(kind, by=by, reason=reason)
    elif deed == "rate":
        jobs.set_rate(kind, rate)
    else:
        jobs.resume(kind, by=by)
    fast = f"are held to {grouped(rate)} a second" if rate else "go as fast as they can"
    said = {"pause": "rest", "resume": "go on", "rate": fast}[deed]
    messages.success(request, f"{operations.KIND_WORDS[kind]} {said}.")
    return redirect("operations")


@staff_page(may="operate")
def on_given_up(request: HttpRequest) -> HttpResponseBase:
    """Take up an obligation again that was given up: the next sweep tries it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = OnGivenUp(request.POST)
    if not form.is_valid():
        return _wrong(request, form, "")
    given = form.cleaned_data
    kind, member_id, license_id = given["kind"], given["member"], given["license"]
    audit.record(
        request,
        "operate",
        f"job:{kind}",
        purpose="try again what was given up",
        license=license_id,
        due=given["due"].isoformat(),
    )
    if not jobs.try_again(given["due"], kind, member_id=member_id, license_id=license_id):
        gone = "This is not given up any more: look at what fails now."
        return show(request, problem=gone, status=409)
    messages.success(request, f"{license_id} is due again: the next sweep takes it up.")
    return redirect("operations")


def _wrong(request: HttpRequest, form: Reasoned, about: str) -> HttpResponseBase:
    typed = request.POST.get("reason", "")[:200]
    return show(request, problem=form.problem, about=about[:300], typed=typed, status=422)


def _found(projection: str, stream: str, generation: int, version: int) -> Parked | None:
    """The parked row as it was shown: not one that has moved on since."""
    found = parking.standing(projection, stream, version)
    return next((row for row in found if row.generation == generation), None)
