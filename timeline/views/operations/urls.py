"""The addresses below `/operations/`."""

from django.urls import path

from timeline.views import doctor
from timeline.views.operations import acting, events, page

urlpatterns = [
    path("", page.page, name="operations"),
    path("parked/", acting.on_parked, name="operations-parked"),
    path("jobs/", acting.on_job, name="operations-jobs"),
    path("events/", events.catalogue, name="operations-events"),
    path("doctor/", doctor.page, name="doctor"),
]
