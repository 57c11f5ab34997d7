"""The panel's trial: the rest of a history lived again with something changed, nothing written."""

from datetime import timedelta
from typing import Any

from django.http import QueryDict

from licensing import catalogue, rulebook, simulation
from licensing.domain.commands import AcquireLicense, Command, ReleaseLicense, RenewLicense
from licensing.domain.member import Member
from licensing.fold import UnreadableStream
from licensing.history import History
from licensing.rules.compiled import PublishedRules
from licensing.rules.life import Draft
from licensing.simulation import NoSuchTrial
from timeline.presenters import trial
from timeline.presenters.cursor import Cursor
from timeline.presenters.panel import Seen

NAMES = ("try_rules", "try_start", "try_drop", "try_add", "try_title", "try_device")


def context(
    past: History, cursor: Cursor, seen: Seen, query: QueryDict, now: Any
) -> dict[str, Any]:
    """The form at a step, and what came of it if something is tried.

    `past` is in recorded order: what is lived again is what was decided, when it was decided.
    """
    chosen = {name: query.get(name, "") for name in NAMES}
    listed = {key: str(about.get("name") or key) for key, about in catalogue.listing().items()}
    draft = _draft(chosen["try_rules"])
    found: dict[str, Any] = {
        "chosen": chosen,
        "options": trial.options(
            seen.shown,
            seen.names,
            rulebook.versions(),
            listed,
            (chosen["try_rules"], draft.title) if draft is not None else None,
        ),
        "try_from": cursor.version,
    }
    if not any(chosen[name] for name in ("try_rules", "try_drop", "try_add")):
        return found
    try:
        return found | {"trial": _tried(past, cursor, seen.shown, chosen, now)}
    except NoSuchTrial as wrong:
        return found | {"wrong": f"This cannot be tried: {wrong.detail}."}
    except UnreadableStream:
        return found | {"wrong": "An event of this history cannot be read, so it cannot be tried."}


def _tried(
    past: History, cursor: Cursor, state: Member, chosen: dict[str, str], now: Any
) -> trial.Told:
    version = cursor.version
    # From before the step, so that it is itself decided anew; what is added comes just after it.
    start = 0 if chosen["try_start"] else max(version - 1, 0)
    at = past.instant(version) or now
    tried = simulation.what_if(
        past.member_id,
        from_version=start,
        now=now,
        rules_in_force=_rules(chosen["try_rules"], now),
        drop=version if chosen["try_drop"] and version else None,
        add=_command(chosen, state),
        add_at=at + timedelta(microseconds=1),
    )
    return trial.told(tried, past.instant(1) or at if chosen["try_start"] else at)


def _rules(named: str, now: Any) -> PublishedRules | None:
    """The rules to try: a published version by its hash, or `rule set/draft`."""
    if not named:
        return None
    draft = _draft(named)
    if draft is not None:
        return simulation.rules_of(None, draft.document, now)
    if "/" in named:
        raise NoSuchTrial("try_rules", "there is no such draft")
    return simulation.rules_of(named, None, now)


def _draft(named: str) -> Draft | None:
    rule_set, slash, draft_id = named.partition("/")
    if not slash or not named.isprintable():
        return None
    return rulebook.life_of(rule_set).drafts.get(draft_id)


def _command(chosen: dict[str, str], state: Member) -> Command | None:
    kind, _, key = chosen["try_add"].partition(":")
    match kind:
        case "":
            return None
        case "release":
            return ReleaseLicense(key)
        case "renew":
            return RenewLicense(key)
        case "download":
            return _download(chosen, state)
        case _:
            raise NoSuchTrial("try_add", "choose one of the requests")


def _download(chosen: dict[str, str], state: Member) -> Command:
    title_id, device_id = chosen["try_title"], chosen["try_device"]
    if not title_id or not device_id:
        raise NoSuchTrial("try_add", "a download needs a title and a device")
    known, device = state.downloads.get(title_id), state.devices.get(device_id)
    about = {"name": known.name, "studio": known.studio} if known else {}
    title = {name: value for name, value in about.items() if value} | catalogue.get(title_id)
    kind = {"type": device.type, "name": device.name} if device else {}
    return AcquireLicense(
        title_id=title_id,
        device_id=device_id,
        title=title,
        device={name: value for name, value in kind.items() if value},
    )
