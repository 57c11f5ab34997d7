"""What a tool would write against the generated client: its types are checked, and it is run.

Called with the server's address, a key, a member and its bucket.
"""

import json
import sys
import uuid

from playhead_client import AuthenticatedClient
from playhead_client.api.explanations import explanations_explain
from playhead_client.api.feed import feed_read_feed
from playhead_client.api.licenses import licenses_acquire, licenses_get_license
from playhead_client.api.rules import rules_edit, rules_get_draft, rules_start
from playhead_client.api.timeline import (
    timelines_read_event,
    timelines_read_state,
    timelines_read_timeline,
)
from playhead_client.models import (
    Acquisition,
    Answer,
    DraftAnswer,
    DraftEdit,
    DraftEditDocument,
    Explanation,
    Feed,
    LicensesGetLicenseResponse404,
    Moment,
    NewDraft,
    PageStep,
    Question,
    RulesEditResponse409,
    StateAsAt,
    WholeDraft,
)

RULES = "download-license"


def acquire(client: AuthenticatedClient, member: str) -> str:
    """A download, asked for twice under one id; its license."""
    asked, command = Acquisition(title_id="film", device_id="d1"), uuid.uuid4().hex
    answer = licenses_acquire.sync(member, client=client, body=asked, idempotency_key=command)
    assert isinstance(answer, Answer)
    assert (answer.outcome.value, answer.version) == ("accepted", 2)
    again = licenses_acquire.sync(member, client=client, body=asked, idempotency_key=command)
    assert again == answer
    assert isinstance(answer.license_id, str)
    return answer.license_id


def look(client: AuthenticatedClient, member: str, license_id: str) -> None:
    """At the timeline, the state, and the decision of a step."""
    steps = timelines_read_timeline.sync(member, client=client)
    assert isinstance(steps, PageStep)
    assert [step.type_ for step in steps.items] == ["DeviceRegistered", "LicenseIssued"]
    first = timelines_read_state.sync_detailed(member, client=client)
    assert isinstance(first.parsed, StateAsAt)
    assert license_id in first.parsed.state["licenses"]
    known = first.headers["ETag"]
    same = timelines_read_state.sync_detailed(member, client=client, if_none_match=known)
    assert (same.status_code, same.content) == (304, b"")
    moment = timelines_read_event.sync(member, 2, client=client)
    assert isinstance(moment, Moment)
    assert moment.decision is not None
    assert (moment.decision.verdict.value, moment.decision.limits[0].ok) == ("allowed", True)
    question = Question(title_id="another", device_id="d1")
    told = explanations_explain.sync(member, client=client, body=question)
    assert isinstance(told, Explanation)
    assert told.outcome.value == "accepted"
    nothing = licenses_get_license.sync_detailed(member, "none", client=client)
    assert isinstance(nothing.parsed, LicensesGetLicenseResponse404)
    assert (nothing.status_code, nothing.parsed.code.value) == (404, "unknown_license")


def follow(client: AuthenticatedClient, member: str, bucket: int) -> list[int]:
    """The versions of the member's events in the feed of its bucket."""
    found: list[int] = []
    cursor = ""
    while True:
        page = feed_read_feed.sync(client=client, bucket=bucket, after=cursor)
        assert isinstance(page, Feed)
        found += [event.version for event in page.items if event.stream_id == f"member-{member}"]
        cursor = page.cursor
        if page.next_ is None:
            return found


def edit(client: AuthenticatedClient) -> None:
    """A draft, replaced only as it was read."""
    draft = f"draft-{uuid.uuid4().hex[:8]}"
    begun = rules_start.sync(RULES, client=client, body=NewDraft(title="A draft", draft_id=draft))
    assert isinstance(begun, DraftAnswer)
    read = rules_get_draft.sync_detailed(RULES, draft, client=client)
    assert isinstance(read.parsed, WholeDraft)
    document = read.parsed.document.to_dict() | {"title": "Edited by a tool"}
    change = DraftEdit(document=DraftEditDocument.from_dict(document))
    tag = read.headers["ETag"]
    made = rules_edit.sync(RULES, draft, client=client, body=change, if_match=tag)
    assert isinstance(made, DraftAnswer)
    change = DraftEdit(document=DraftEditDocument.from_dict(document | {"title": "Late"}))
    late = rules_edit.sync(RULES, draft, client=client, body=change, if_match=tag)
    assert isinstance(late, RulesEditResponse409)
    assert late.code.value == "draft_changed"


if __name__ == "__main__":
    url, key, member, bucket = sys.argv[1:]
    tool = AuthenticatedClient(url, key)
    issued = acquire(tool, member)
    look(tool, member, issued)
    edit(tool)
    print(json.dumps({"license": issued, "versions": follow(tool, member, int(bucket))}))
