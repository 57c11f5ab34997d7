"""The doctor's page: is everything as it must be, and what to do if not."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from projections import doctor
from timeline.http import small_int, staff_page

SAMPLES = (20, 200, 2000)
ORDER = {"failed": 0, "warning": 1, "ok": 2}


@staff_page
def page(request: HttpRequest) -> HttpResponseBase:
    """Every finding, what failed first; `?sample=` says how many streams are recomputed."""
    asked = small_int(request.GET.get("sample", ""))
    sample = asked if asked in SAMPLES else SAMPLES[0]
    found = sorted(doctor.examine(sample=sample), key=lambda finding: ORDER[finding.status])
    counted = {status: sum(each.status == status for each in found) for status in ORDER}
    context = {
        "section": "operations",
        "found": found,
        "counted": counted,
        "verdict": next(status for status in ORDER if counted[status]),
        "sample": sample,
        "samples": SAMPLES,
        "at": timezone.now(),
    }
    return render(request, "doctor.html", context)
