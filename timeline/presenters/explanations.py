"""What would turn a verdict, in words."""

from licensing.rules import Part, Turn
from timeline.presenters import clock


def turn(change: Turn, outcome: str) -> str:
    """One change as a sentence; `outcome` is what the request gets without it."""
    would = "It would be refused" if outcome == "accepted" else "It would be allowed"
    match change.kind:
        case "time":
            when = clock.moment(change.at) if change.at is not None else "a later time"
            return f"{would} from {when} on."
        case "room" if outcome == "accepted":
            part = change.parts[0]  # bare devices are in use; others say it, or are counted
            return f"{would} with {_more(part, '' if ' ' in part.label else 'in use')}."
        case "room":
            asked = " and ".join(_more(part, "allowed") for part in change.parts)
            return f"{would} with {asked}, or as many fewer counted."
        case _:
            told = " and ".join(f"{_lower(part.label)} were {part.to}" for part in change.parts)
            return f"{would} if {told.removesuffix('.')}."  # as in Warner Bros.


def _more(part: Part, word: str) -> str:
    count = abs(part.by or 0)
    first, _, rest = part.label.partition(" ")
    named = first.removesuffix("s") if count == 1 else first
    return " ".join(filter(None, (str(count), "more", named, rest, word)))


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]
