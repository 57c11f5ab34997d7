"""The addresses of the rules studio, below `/rules/`."""

from django.urls import path

from timeline.views.rules import (
    comparing,
    declaring,
    editing,
    examples,
    impact,
    living,
    previewing,
    refusing,
    sets,
    settling,
    transfer,
    trying,
    version,
)

DRAFT = "<str:rule_set>/drafts/<str:draft>/"

urlpatterns = [
    path("", sets.index, name="rules"),
    path("<str:rule_set>/", sets.one, name="rule-set"),
    path("<str:rule_set>/drafts/", sets.start, name="rules-drafts"),
    path("<str:rule_set>/roll-back/", sets.roll_back, name="rules-roll-back"),
    path("<str:rule_set>/refusals/", refusing.start, name="rules-refusals"),
    path(DRAFT, editing.page, name="draft"),
    path(DRAFT + "cell/", editing.cell, name="draft-cell"),
    path(DRAFT + "rows/", editing.rows, name="draft-rows"),
    path(DRAFT + "paste/", editing.paste, name="draft-paste"),
    path(DRAFT + "data/", declaring.page, name="draft-data"),
    path(DRAFT + "data/<str:part>/", declaring.one, name="draft-declare"),
    path(DRAFT + "preview/", previewing.page, name="draft-preview"),
    path(DRAFT + "findings/", settling.page, name="draft-findings"),
    path(DRAFT + "examples/", examples.page, name="draft-examples"),
    path(DRAFT + "try/", trying.page, name="draft-try"),
    path(DRAFT + "impact/", impact.page, name="draft-impact"),
    path(DRAFT + "difference/", comparing.page, name="draft-difference"),
    path(DRAFT + "history/", living.page, name="draft-history"),
    path(DRAFT + "undo/", living.undo, name="draft-undo"),
    path(DRAFT + "submission/", living.submit, name="draft-submit"),
    path(DRAFT + "approval/", living.approve, name="draft-approve"),
    path(DRAFT + "rejection/", living.reject, name="draft-reject"),
    path(DRAFT + "publication/", living.publish, name="draft-publish"),
    path(DRAFT + "file/", transfer.export, name="draft-export"),
    path(DRAFT + "import/", transfer.take, name="draft-import"),
    path("<str:rule_set>/<str:number>/file/", transfer.export_version, name="rules-export"),
    path("<str:rule_set>/<str:version>/", version.page, name="rules-version"),
]
