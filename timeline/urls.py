"""Every address of the product."""

from django.urls import include, path

from timeline.administration.urls import urls as administration
from timeline.api.api import api
from timeline.policy import public
from timeline.views import (
    actions,
    approvals,
    audit,
    can_download,
    catalogue,
    exports,
    health,
    home,
    members,
    metrics,
    profile,
    queues,
    rule_timeline,
    sign_in,
    timeline,
    withdrawals,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", public(sign_in.SignIn.as_view()), name="sign-in"),
    path("sign-out/", public(sign_in.SignOut.as_view()), name="sign-out"),
    path("members/", members.listing, name="members"),
    path("queues/refusals/", queues.refusals, name="queue-refusals"),
    path("queues/late/", queues.late, name="queue-late"),
    path("queues/limits/", queues.limits, name="queue-limits"),
    path("catalogue/", catalogue.listing, name="catalogue"),
    path("members/<str:member_id>/timeline/", timeline.head, name="timeline"),
    path("members/<str:member_id>/timeline/live/", timeline.live, name="live"),
    path("members/<str:member_id>/timeline/<str:version>/", timeline.step, name="step"),
    path("members/<str:member_id>/export/events.jsonl", exports.events, name="export-events"),
    path("members/<str:member_id>/export/rows.csv", exports.rows, name="export-rows"),
    path("members/<str:member_id>/export/state.json", exports.state_at, name="export-state"),
    path("members/<str:member_id>/timeline/<str:version>/pin/", timeline.pin, name="pin"),
    path("members/<str:member_id>/profile/", profile.profile, name="profile"),
    path("members/<str:member_id>/actions/", actions.index, name="actions"),
    path("members/<str:member_id>/actions/<str:name>/", actions.action, name="action"),
    path("members/<str:member_id>/can-download/", can_download.page, name="can-download"),
    path("approvals/", approvals.index, name="approvals"),
    path("approvals/<str:key>/", approvals.request_page, name="approval"),
    path("withdrawals/", withdrawals.index, name="withdrawals"),
    path("withdrawals/<uuid:withdrawal>/", withdrawals.one, name="withdrawal"),
    path("withdrawals/<uuid:withdrawal>/outcomes.csv", withdrawals.outcomes, name="withdrawal-csv"),
    path("audit/", audit.page, name="audit"),
    path("audit/export.csv", audit.export, name="audit-export"),
    path("rules/<str:rule_set>/timeline/", rule_timeline.head, name="rule-timeline"),
    path("rules/<str:rule_set>/timeline/live/", rule_timeline.live, name="rule-live"),
    path("rules/<str:rule_set>/timeline/<str:version>/", rule_timeline.step, name="rule-step"),
    path("rules/<str:rule_set>/timeline/<str:version>/pin/", rule_timeline.pin, name="rule-pin"),
    # Behind the timelines: its addresses take any word for a version.
    path("rules/", include("timeline.views.rules.urls")),
    path("events/<uuid:event_id>/", timeline.event, name="event"),
    path("operations/", include("timeline.views.operations.urls")),
    path("admin/", administration),
    path("metrics", metrics.metrics),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("api/v1/", api.urls),
]

handler400 = "timeline.views.errors.bad_request"
handler403 = "timeline.views.errors.forbidden"
handler404 = "timeline.views.errors.not_found"
handler500 = "timeline.views.errors.broken"
