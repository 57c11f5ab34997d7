"""Every operation of the API called once, in an order in which each finds what it needs.

The same calls check the answers against the description and make the examples in it.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from licensing import backtests, erasing, rulebook, service, store
from projections import builds, runner, withdrawals
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from timeline import profiles


class Call(msgspec.Struct):
    """One call and its answer; `operation` is the operationId."""

    operation: str
    method: str
    path: str
    body: Any
    status: int
    answer: Any


def _rebuilds(call: Callable[..., Call], member: str) -> Iterator[Call]:
    """A read model built anew, put in place and back, and a stream that was parked."""
    p = "/projections/license_index"
    wanted = {"hold": True, "reason": "the studio was renamed"}
    yield call("projections_rebuild", "POST", f"{p}/rebuild", wanted)
    runner.catch_up()
    yield call("projections_compare", "POST", f"{p}/rebuild/comparison", {})
    live = builds.live("license_index")
    assert live
    yield call("projections_swap", "POST", f"{p}/rebuild/swap", {})
    before = {"generation": live.generation}
    yield call("projections_roll_back", "POST", f"{p}/rollback", before)
    runner.catch_up()
    yield call("projections_rebuild", "POST", f"{p}/rebuild", {})
    yield call("projections_cancel", "POST", f"{p}/rebuild/cancellation", {})
    yield call("projections_list_builds", "GET", f"{p}/builds")
    stream = f"member-{member}"
    for how, body in (("retry", {}), ("skip", {"reason": "a known fault of version 3"})):
        version = park("license_index", stream)
        if how == "skip":
            body["version"] = version
        if how == "retry":
            yield call("projections_list_parked", "GET", f"{p}/parked")
        yield call(f"projections_{how}_parked", "POST", f"{p}/parked/{stream}/{how}", body)
    park("license_index", stream)
    yield call("projections_retry_all_parked", "POST", f"{p}/parked/retry", {})


def _jobs(call: Callable[..., Call], member: str) -> Iterator[Call]:
    """A kind of job that rests and goes on, and an obligation that was given up."""
    yield call("jobs_list_jobs", "GET", "/jobs")
    yield call("jobs_pause", "POST", "/jobs/renew/pause", {"reason": "a studio asked for a break"})
    yield call("jobs_resume", "POST", "/jobs/renew/resume", {})
    yield call("jobs_set_rate", "POST", "/jobs/renew/rate", {"per_second": 200})
    yield call("jobs_set_rate", "POST", "/jobs/renew/rate", {"per_second": None})
    license_id, due = new_id("lic"), timezone.now() - timedelta(hours=1)
    give_up(member, license_id, due)
    yield call("jobs_list_failing", "GET", "/jobs/failing")
    about = {"member_id": member, "license_id": license_id, "due_at": due.isoformat()}
    yield call("jobs_retry", "POST", "/jobs/renew/retry", about)
    yield call("operations_list_workers", "GET", "/operations/workers")
    yield call("operations_list_event_types", "GET", "/operations/event-types")


def give_up(member: str, license_id: str, due: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_attempt (bucket, member_id, license_id, kind, due_at, attempts,"
            " next_attempt_at, outcome, last_error, finished_at)"
            " VALUES (%s, %s, %s, 'renew', %s, 20, %s, 'gave up', 'KeyError: studio', now())",
            [store.bucket_of(f"member-{member}"), member, license_id, due, due],
        )


def _withdrawals(call: Callable[..., Call], api: ApiClient, other: ApiClient) -> Iterator[Call]:
    """A title taken back; and one that needs a second key, stopped and gone on with."""
    gone, title = new_id("m"), new_id("t")
    for member in (new_id("m"), gone):
        film = {"name": "Metropolis", "studio": "UFA"}
        asked = {"title_id": title, "device_id": "tv", "license_id": new_id("lic"), "title": film}
        api.post(f"/members/{member}/licenses", asked)
    runner.catch_up()
    w, wanted = "/withdrawals", {"kind": "title", "name": title, "reason": "the contract ended"}
    shown = call("withdrawals_dry_run", "POST", f"{w}/dry-runs", wanted)
    yield shown
    token = {"token": shown.answer["token"]}
    with override_settings(WITHDRAW_ALONE=0):
        begun = call("withdrawals_begin", "POST", w, token)
    yield begun
    one = f"{w}/{begun.answer['id']}"
    yes = {"agree": True, "answer": "seen the notice"}
    yield call("withdrawals_answer", "POST", f"{one}/answer", yes, other)
    yield call("withdrawals_stop", "POST", f"{one}/stop", {})
    case, by = new_id("case"), service.Actor("staff", "tests")
    yield call("withdrawals_resume", "POST", f"{one}/resumption", {})
    run_id = UUID(begun.answer["id"])
    while (run := withdrawals.work(run_id=run_id, seconds=0)) is not None and not run.gathered:
        runner.catch_up()
    erasing.erase(gone, case, actor=by, now=timezone.now())  # so that one is refused
    withdrawals.work(run_id=run_id)
    yield call("withdrawals_retry", "POST", f"{one}/retry", {})
    withdrawals.work(run_id=run_id)
    yield call("withdrawals_get_withdrawal", "GET", one)
    yield call("withdrawals_list_outcomes", "GET", f"{one}/outcomes?outcome=refused")
    yield call("withdrawals_list_withdrawals", "GET", f"{w}?limit=1")


def park(name: str, stream: str) -> int:
    """Park a stream at its last event; which that is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
            " error, attempts, parked_at) SELECT h.bucket, b.projection, b.generation,"
            " h.stream_id, h.version, 'KeyError: studio', 3, now() FROM stream_head h,"
            " projection_build b WHERE h.stream_id = %s AND b.projection = %s AND state = 'live'"
            " RETURNING version",
            [stream, name],
        )
        return int(cursor.fetchone()[0])


def _one_line(api: ApiClient, line: dict[str, Any]) -> Call:
    """One command sent as if it were many, and the outcome of its line."""
    sent = api.send_lines([line])
    first, last = map(msgspec.json.decode, sent.getvalue().splitlines())
    assert last["sums"]["lines"] == 1
    return Call("bulk_send_commands", "POST", "/commands", line, sent.status_code, first)


def calls(api: ApiClient, other: ApiClient, member: str) -> Iterator[Call]:
    """The whole story, each call with its answer. `other` has a key of its own, to approve."""

    def call(operation: str, method: str, path: str, body: Any = None, by: ApiClient = api) -> Call:
        response = by.send(method, path, body)
        answer = msgspec.json.decode(response.content)
        return Call(operation, method, path, body, response.status_code, answer)

    publish_rules()
    in_force = rulebook.versions()[-1].hash
    lid, rules = new_id("lic"), "/rules/download-license"
    m = f"/members/{member}"
    now = timezone.now()
    yield call("plans_change_plan", "POST", f"{m}/plan", {"plan": "premium", "country": "NL"})
    device = {"device_id": "ipad", "type": "tablet", "name": "iPad Air"}
    yield call("devices_register", "POST", f"{m}/devices", device)
    film = {"name": "The Third Man", "studio": "London Films"}
    yield call("titles_put_title", "PUT", "/titles/third-man", film)
    yield call("titles_get_title", "GET", "/titles/third-man")
    asked = {"title_id": "third-man", "device_id": "ipad", "title": film}
    yield call("explanations_explain", "POST", f"{m}/explanations", asked)
    yield call("licenses_acquire", "POST", f"{m}/licenses", {"license_id": lid, **asked})
    yield call("licenses_renew", "POST", f"{m}/licenses/{lid}/renewals", {})
    started = {"action": "start", "occurred_at": (now - timedelta(hours=2)).isoformat()}
    yield call("licenses_record_playback", "POST", f"{m}/licenses/{lid}/playbacks", started)
    goodwill = {
        "limit": "max_devices",
        "amount": 1,
        "expires_at": (now + timedelta(days=30)).isoformat(),
        "reason": "the old tablet is lost",
    }
    yield call("support_grant_allowance", "POST", f"{m}/allowances", goodwill)
    yield call("support_add_note", "POST", f"{m}/notes", {"text": "called twice", "version": 3})
    yield call("licenses_list_licenses", "GET", f"{m}/licenses")
    yield call("licenses_get_license", "GET", f"{m}/licenses/{lid}")
    yield call("timelines_read_timeline", "GET", f"{m}/timeline?limit=2")
    yield call("timelines_read_state", "GET", f"{m}/state?version=3")
    yield call("timelines_read_changes", "GET", f"{m}/changes?from=2&to=3")
    yield call("timelines_read_event", "GET", f"{m}/events/3")
    yield call("what_if_what_if", "POST", f"{m}/what-if", {"from_version": 1, "drop": 3})
    yield call("licenses_release", "POST", f"{m}/licenses/{lid}/release", {})
    runner.catch_up()
    yield call("members_list_members", "GET", f"/members?q={member}")
    profiles.put(member, f"{member}@example.org", "Maya Okafor")
    mail = {"q": f"{member}@example.org"}
    yield call("members_search_members", "POST", "/members/search", mail)
    yield call("members_get_member", "GET", m)
    yield call("decisions_list_decisions", "GET", "/decisions?rule=b-premium&limit=1")
    bucket = store.bucket_of(f"member-{member}")
    yield call("feed_read_feed", "GET", f"/events?bucket={bucket}&limit=1")
    yield call("projections_list_projections", "GET", "/projections")
    yield from _rebuilds(call, member)
    yield from _jobs(call, member)
    yield from _withdrawals(call, api, other)
    revoked = new_id("lic")
    yield call("licenses_acquire", "POST", f"{m}/licenses", {"license_id": revoked, **asked})
    reason = {"reason": "withdrawn by the studio"}
    yield call("licenses_revoke", "POST", f"{m}/licenses/{revoked}/revocation", reason)
    line = {
        "member": member,
        "command": "ReleaseLicense",
        "command_id": new_id("line"),
        "data": {"license_id": lid, "occurred_at": now.isoformat()},
    }
    yield _one_line(api, line)
    lost = {"reason": "sold"}
    yield call("devices_deactivate", "POST", f"{m}/devices/ipad/deactivation", lost)
    yield call("support_cancel", "POST", f"{m}/cancellation", {"reason": "MOVED_AWAY"})

    yield call("rules_list_versions", "GET", f"{rules}/versions")
    yield call("rules_get_version", "GET", f"{rules}/versions/1")
    document = rulebook.life_of("download-license").published[in_force]
    yield call("rules_find", "POST", f"{rules}/findings", {"document": document})
    tried = {"hash": in_force, "member_id": member}
    waiting = call("backtests_start", "POST", f"{rules}/backtests", tried)
    yield waiting
    run = f"{rules}/backtests/{waiting.answer['backtest']}"
    yield call("backtests_stop", "POST", f"{run}/stop", {})
    yield call("backtests_resume", "POST", f"{run}/resumption", {})
    backtests.work(uuid.UUID(waiting.answer["backtest"]))
    yield call("backtests_get_backtest", "GET", run)
    yield call("backtests_list_backtests", "GET", f"{rules}/backtests")
    one, two = new_id("draft"), new_id("draft")
    begun = {"title": "Two devices more", "draft_id": one}
    yield call("rules_start", "POST", f"{rules}/drafts", begun)
    yield call("rules_start", "POST", f"{rules}/drafts", {"title": "Given up", "draft_id": two})
    edit = {"document": document | {"title": "Download licenses, again"}, "revision": 0}
    yield call("rules_edit", "PUT", f"{rules}/drafts/{one}", edit)
    yield call("rules_list_drafts", "GET", f"{rules}/drafts")
    read = call("rules_get_draft", "GET", f"{rules}/drafts/{one}")
    yield read
    yield call("rules_submit", "POST", f"{rules}/drafts/{one}/submission", {})
    approval = {"hash": read.answer["hash"]}
    yield call("rules_approve", "POST", f"{rules}/drafts/{one}/approval", approval, other)
    no = {"reason": "not needed any more"}
    yield call("rules_reject", "POST", f"{rules}/drafts/{two}/rejection", no, other)
    yield call("rules_publish", "POST", f"{rules}/drafts/{one}/publication", {})
    back = {"hash": in_force, "reason": "the old title was better"}
    yield call("rules_roll_back", "POST", f"{rules}/rollbacks", back)
