"""The decision record as it is kept in an event: as little as says it all, and unfolded again.

Kept are the rules' version and hash, the facts that were used, every matched row, the decisive row,
and for each limit its value, its maximum and, where that does not follow from the rules, what the
request adds. What follows from those or stands in the version of
the rules under that hash is not written again with every decision: labels, margins, the outputs.
"""

from collections.abc import Mapping
from typing import Any

from licensing.rules import RuleSet


def packed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A full record as it is kept."""
    limits = record["limits"]
    counted = {limit["fact"] for limit in limits}
    rows: dict[str, list[str]] = {}
    for limit in limits:
        if limit["row"] != record["row"]:
            rows.setdefault(limit["row"], []).append(limit["limit"])
    kept: dict[str, Any] = {
        "rules": record["rules"],
        "row": record["row"],
        "facts": {name: v for name, v in record["facts"].items() if name not in counted},
        "matched": record["matched"],
        "limits": [_kept(limit) for limit in limits],
    }
    # The limits that left no room keep their label, so that a list needs no look at the rules.
    short = {limit["limit"]: limit["label"] for limit in limits if not limit["ok"]}
    goodwill = {x["limit"]: x["allowances"] for x in limits if x.get("allowances")}
    more = {
        "reason": record["reason"], "rows": rows, "short": short, "allowances": goodwill,
        "detail": record.get("detail"),
    }  # fmt: skip
    return kept | {name: value for name, value in more.items() if value}


def _kept(limit: Mapping[str, Any]) -> list[Any]:
    adds = limit.get("adds")
    return [limit["limit"], limit["value"], limit["max"], *([] if adds is None else [adds])]


def full(kept: Mapping[str, Any], ruleset: RuleSet | None = None) -> dict[str, Any]:
    """The record with every limit's label, fact and margin, and the rows that decided them.

    `ruleset` is that of the record's hash; without it a limit is called by its name. A record that
    was written out in full comes back as it is.
    """
    limits = kept.get("limits")
    if not isinstance(limits, list) or "decisive" in kept or not _compact(limits):
        return dict(kept)
    rows = {name: row for row, names in _map(kept, "rows").items() for name in names}
    short, goodwill = _map(kept, "short"), _map(kept, "allowances")
    told = []
    for name, value, most, *adds in limits:
        known = ruleset.limits.get(name) if ruleset is not None else None
        limit: dict[str, Any] = {
            "limit": name,
            "fact": known.fact if known else name,
            "label": short.get(name) or (known.label if known else name),
            "value": value,
            "max": most,
            "margin": most - value,
            "ok": name not in short,
            "row": rows.get(name, kept.get("row")),
        }
        if name in goodwill:
            limit["allowances"] = goodwill[name]
        if adds:
            limit["adds"] = adds[0]
        told.append(limit)
    record = {
        "rules": kept["rules"],
        "verdict": "refused" if kept.get("reason") else "allowed",
        "reason": kept.get("reason"),
        "row": kept.get("row"),
        "facts": {**kept["facts"], **{limit["fact"]: limit["value"] for limit in told}},
        "matched": kept["matched"],
        "decisive": {limit["limit"]: limit["row"] for limit in told},
        "limits": told,
    }
    return record | ({"detail": kept["detail"]} if "detail" in kept else {})


def _compact(limits: list[Any]) -> bool:
    return all(isinstance(limit, list) and len(limit) in (3, 4) for limit in limits)


def _map(kept: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = kept.get(name)
    return found if isinstance(found, Mapping) else {}
