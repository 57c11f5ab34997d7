"""Every `code` of a problem with its status and its meaning: the list that clients rely on."""

from collections.abc import Iterable, Mapping

import msgspec


class Code(msgspec.Struct, frozen=True):
    """The status that a code comes with, and what it means."""

    status: int
    meaning: str


CODES: Mapping[str, Code] = {
    # Any request
    "bad_request": Code(400, "The request could not be read."),
    "unauthorized": Code(401, "No usable API key came along."),
    "missing_scope": Code(403, "The key was not issued for this."),
    "https_required": Code(403, "The request did not come over HTTPS."),
    "forbidden": Code(403, "The key's owner may not do this."),
    "not_found": Code(404, "There is nothing at this address."),
    "method_not_allowed": Code(405, "The address has other methods, named in Allow."),
    "invalid_input": Code(422, "A value is not valid; `errors` names each place."),
    "rate_limited": Code(429, "Too many requests of this key; wait for Retry-After seconds."),
    "internal_error": Code(500, "The fault is on our side, and has been noted."),
    "database_unavailable": Code(503, "The database does not answer; send the same again."),
    "busy": Code(503, "Too much is being taken in at once; send the same again."),
    "audit_unavailable": Code(
        503, "The audit trail cannot be written, so nothing is shown or done."
    ),
    # A body
    "length_required": Code(411, "A body has to come with its Content-Length."),
    "body_too_large": Code(413, "The body is larger than is let in."),
    "unsupported_media_type": Code(415, "A body must be application/json."),
    "malformed_json": Code(422, "The body is not JSON."),
    # A command
    "unknown_license": Code(404, "The member has no such license."),
    "unknown_device": Code(404, "The member has no such device."),
    "title_changed": Code(409, "The title is not what If-Match says that it was read as."),
    "unknown_title": Code(404, "The catalogue has no such title."),
    "version_not_found": Code(404, "The history has no such version yet."),
    "license_id_taken": Code(409, "The license id belongs to another download."),
    "stream_unreadable": Code(409, "An event cannot be read, so nothing can be decided."),
    "wrong_expected_version": Code(409, "The history has moved on from the version in If-Match."),
    "idempotency_key_reused": Code(409, "The Idempotency-Key came with another command before."),
    "member_erased": Code(410, "The member was erased."),
    "member_busy": Code(503, "Too many commands of this member at once; send the same again."),
    "no_rules": Code(503, "No rules have been published, so nothing can be decided."),
    # The feed
    "position_ahead": Code(409, "The reader is ahead of the log: it was restored since."),
    # Operations
    "unknown_projection": Code(404, "There is no read model of this name."),
    "not_parked": Code(404, "The stream is not parked there."),
    "not_given_up": Code(404, "No such obligation was given up."),
    "build_refused": Code(409, "The build is not in a state for this; `detail` says why."),
    # Withdrawals
    "unknown_dry_run": Code(404, "No dry run has given this token to this key."),
    "dry_run_moved": Code(409, "It would be more than was shown, or is too old: look again."),
    "withdrawal_state": Code(409, "The withdrawal is not in a state for this."),
    # Rules
    "unknown_draft": Code(404, "The rule set has no such draft."),
    "unknown_version": Code(404, "No such version was ever published."),
    "four_eyes": Code(403, "Somebody who had no part in it must do this."),
    "nothing_published": Code(409, "Nothing was published yet: give a document to begin with."),
    "draft_exists": Code(409, "A draft has this id already."),
    "draft_changed": Code(
        409, "The draft is not what it was read as; `errors` names what changed."
    ),
    "draft_closed": Code(409, "The draft takes no edits in this state."),
    "draft_not_submitted": Code(409, "The draft does not wait for approval."),
    "draft_not_approved": Code(409, "The draft has not been approved."),
    "base_superseded": Code(409, "Other rules came into force since the draft was begun."),
    "draft_broken": Code(422, "The draft has blocking findings, named in `errors`."),
    "valid_from_past": Code(422, "Rules come into force now or later."),
}

ALWAYS = (
    "bad_request",
    "unauthorized",
    "https_required",
    "missing_scope",
    "length_required",
    "invalid_input",
    "rate_limited",
    "internal_error",
    "database_unavailable",
    "audit_unavailable",
    "busy",
)
"""A read may come with a body too, which is taken in before anybody looks at what is asked."""
BODY = ("body_too_large", "unsupported_media_type", "malformed_json")
KEYED = ("idempotency_key_reused",)
COMMAND = (
    "stream_unreadable",
    "wrong_expected_version",
    "member_erased",
    "member_busy",
    "no_rules",
)


def by_status(names: Iterable[str]) -> dict[int, list[str]]:
    """The codes under their statuses, both in order."""
    found: dict[int, list[str]] = {}
    for name in sorted(set(names), key=lambda name: (CODES[name].status, name)):
        found.setdefault(CODES[name].status, []).append(name)
    return found
