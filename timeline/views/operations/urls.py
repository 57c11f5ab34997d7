"""The addresses below `/operations/`."""

from django.urls import path

from timeline.views import doctor
from timeline.views.operations import acting, events, model, page

urlpatterns = [
    path("", page.page, name="operations"),
    path("parked/", acting.on_parked, name="operations-parked"),
    path("jobs/", acting.on_job, name="operations-jobs"),
    path("projections/<slug:projection>/", model.page, name="operations-model"),
    path("jobs/again/", acting.on_given_up, name="operations-again"),
    path("events/", events.catalogue, name="operations-events"),
    path("doctor/", doctor.page, name="doctor"),
]
