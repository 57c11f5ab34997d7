"""The events of a rule set in words."""

from collections.abc import Mapping
from typing import Any

from timeline.presenters import clock
from timeline.presenters.phrases import Phrase

KINDS = {
    "RulesDraftStarted": "account",
    "RulesDraftEdited": "renewed",
    "RulesDraftSubmitted": "played",
    "RulesDraftApproved": "granted",
    "RulesDraftRejected": "refused",
    "RulesPublished": "granted",
    "RulesDraftPublished": "account",
    "RulesRolledBack": "ended",
    "RulesSuspended": "expired",
}
KIND_WORDS = {
    "account": "rules event",
    "renewed": "draft edited",
    "played": "draft submitted",
    "granted": "approved or published",
    "refused": "draft rejected",
    "ended": "rolled back",
    "expired": "suspended",
}


def phrase(
    event_type: str, data: Mapping[str, Any], titles: Mapping[str, str] | None = None
) -> Phrase:
    """An event in words; `titles` are those of the drafts known so far."""
    draft = str(data.get("title") or (titles or {}).get(str(data.get("draft_id")), "")) or "Draft"
    version = short(data.get("hash"))
    match event_type:
        case "RulesDraftStarted":
            return Phrase("Draft ", draft, " started")
        case "RulesDraftEdited":
            edits = data.get("edits")
            count = len(edits) if isinstance(edits, list) else 0
            return Phrase("", draft, f" edited, {count} field{'' if count == 1 else 's'}")
        case "RulesDraftSubmitted":
            return Phrase("", draft, " submitted for approval")
        case "RulesDraftApproved":
            return Phrase("", draft, " approved")
        case "RulesDraftRejected":
            return Phrase("", draft, f" rejected{_for(data.get('reason'))}")
        case "RulesDraftPublished":
            return Phrase("", draft, f" is what was published as {version}")
        case "RulesPublished":
            return Phrase("Rules ", version, f" published{_from(data.get('valid_from'))}")
        case "RulesRolledBack":
            return Phrase("Rolled back to ", version, _for(data.get("reason")))
        case _:
            return Phrase("Rules ", version, f" suspended{_for(data.get('reason'))}")


def short(hash_: object) -> str:
    """The first digits of a hash, as people say them."""
    return str(hash_).removeprefix("sha256:")[:7]


def _from(text: object) -> str:
    valid = clock.instant(text)
    return f", valid from {clock.date(valid)}" if valid else ""


def _for(reason: object) -> str:
    return f": {reason}" if isinstance(reason, str) and reason else ""
