"""The named members: each lives one story worth opening, whatever the others do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import msgspec

from licensing.demo.behavior import Habits
from licensing.demo.cast import Gadget, Persona
from licensing.demo.life import Life
from licensing.demo.script import Period, Script


class Story(msgspec.Struct, frozen=True):
    """A named member, what happens to them in one line, and the script that makes it so."""

    member_id: str
    line: str
    plan: str
    country: str
    utc_offset: int
    devices: tuple[tuple[str, str], ...]
    script: Callable[[Script], None]
    anchor: Literal["until", "turn", "year"] = "until"
    joined_days_ago: float = 58
    sessions_a_week: float = 0


# -- The scripts --


def maya(script: Script) -> None:
    """Two devices hold downloads; a third asks twice within a minute."""
    script.download("casablanca", 0, script.ago(6, "19:05"))
    script.download("roman-holiday", 1, script.ago(4, "07:40"))
    script.download("spirited-away", 0, script.ago(2, "20:10"))
    refused = script.end - timedelta(minutes=25)
    script.download("seven-samurai", 2, refused)
    script.download("seven-samurai", 2, refused + timedelta(seconds=48))


def otto(script: Script) -> None:
    """On a flight the tablet plays and deletes; the report lands days after a refusal at home."""
    script.download("lawrence-of-arabia", 0, script.ago(9, "16:30"))
    script.download("jaws", 1, script.ago(9, "18:00"))
    landed = script.ago(4, "09:15")
    script.watch("lawrence-of-arabia", 0, script.ago(8, "11:00"), reported=landed)
    away = landed + timedelta(milliseconds=800)
    script.release("lawrence-of-arabia", 0, script.ago(8, "15:20"), reported=away)
    script.download("charade", 2, script.ago(6, "19:30"))
    script.download("charade", 2, script.ago(4, "19:45"))


def nora(script: Script) -> None:
    """The job renews one license as often as it may be; then Nora asks herself, and it ends."""
    script.download("the-wizard-of-oz", 0, script.ago(31, "18:30"))
    script.renew("the-wizard-of-oz", 0, script.ago(28, "19:10"))
    script.renew("the-wizard-of-oz", 0, script.ago(4, "17:55"))


def liam(script: Script) -> None:
    """Refused at one device on basic; granted minutes after the move to standard."""
    script.download("alien", 0, script.ago(4, "18:15"))
    script.download("blade-runner", 1, script.ago(2, "19:02"))
    script.change_plan("standard", script.ago(2, "19:09"))
    script.download("blade-runner", 1, script.ago(2, "19:11"))


def ines(script: Script) -> None:
    """Eight films of one studio in a year, and a ninth that its contract does not allow."""
    seen = (
        "frankenstein", "the-invisible-man", "bride-of-frankenstein", "shadow-of-a-doubt",
        "touch-of-evil", "the-birds", "charade", "the-sting",
    )  # fmt: skip
    script.evenings(seen, 0, first=50, apart=6)
    script.download("back-to-the-future", 0, script.ago(1, "19:20"))


def theo(script: Script) -> None:
    """The same film a third time in a year, where its studio allows two."""
    script.evenings(("rear-window", "rear-window"), 0, first=40, apart=18)
    script.download("rear-window", 0, script.ago(2, "18:40"))


def dana(script: Script) -> None:
    """Five downloads on one phone, and no room for the sixth until one is deleted."""
    packed = ("gilda", "laura", "notorious", "top-hat", "duck-soup")
    for number, title_id in enumerate(packed):
        script.download(title_id, 0, script.ago(3, f"20:{10 + 3 * number}"))
    script.download("vertigo", 0, script.ago(3, "20:31"))
    script.watch("duck-soup", 0, script.ago(2, "17:00"))
    script.release("duck-soup", 0, script.ago(2, "18:30"))
    script.download("vertigo", 0, script.ago(2, "18:34"))


def walt(script: Script) -> None:
    """A film downloaded while it was offered, and withdrawn by the next rules."""
    script.evenings(("metropolis",), 0, first=12, apart=1)
    script.download("metropolis", 0, script.ago(-3, "19:30"))


def ruth(script: Script) -> None:
    """Refused at four devices the day before the rules change, granted the day after."""
    packed = ("king-kong", "citizen-kane", "cat-people", "alien")
    for number, title_id in enumerate(packed):
        script.download(title_id, number, script.ago(6 - number, "18:25"))
    script.download("rashomon", 4, script.ago(1, "19:00"))
    script.download("rashomon", 4, script.ago(-1, "19:05"))
    for number, title_id in enumerate((*packed, "rashomon")):
        script.release(title_id, number, script.ago(-9, f"21:0{number}"))


def sam(script: Script) -> None:
    """The answer is lost on the way, the tablet asks again with the same id: one license."""
    script.download("the-searchers", 0, script.ago(3, "18:50"), lost_answer=True)
    script.watch("the-searchers", 0, script.ago(1, "19:05"))


def pia(script: Script) -> None:
    """A playback window of two days ends a download long before its license would."""
    script.download("singin-in-the-rain", 0, script.ago(8, "17:30"))
    script.watch("singin-in-the-rain", 0, script.ago(7, "19:00"))
    script.download("singin-in-the-rain", 0, script.ago(1, "19:40"))


def newcomer(script: Script) -> None:
    """Joined minutes ago: a plan and a device, and nothing downloaded yet."""


def hana(script: Script) -> None:
    """Everything the habits hold, most evenings, for the whole time."""
    Habits(script.life).plan_sittings()


PHONE, TABLET = ("phone", "Pixel 9"), ("tablet", "iPad Air")
LAPTOP = ("laptop", "Surface Laptop")

STORIES = (
    Story(
        "maya-device-limit",
        "Standard plan: refused on a third device, 2 of 2 devices, and counted when asked again.",
        "standard", "US", -6, (TABLET, PHONE, LAPTOP), maya,
    ),
    Story(
        "otto-offline",
        "Refused at 2 of 2 devices while the tablet, offline on a trip, had long deleted its "
        "download; its report came days late.",
        "standard", "DE", 1, (TABLET, PHONE, LAPTOP), otto,
    ),
    Story(
        "nora-renewals",
        "Pressed Renew too early, was renewed twice by the job, then refused at 2 of 2 renewals; "
        "the license expired by the clock.",
        "standard", "GB", 0, (TABLET,), nora,
    ),
    Story(
        "liam-plan-change",
        "Refused at 1 of 1 devices on basic, moved to standard, and the same request was granted.",
        "basic", "CA", -5, (PHONE, TABLET), liam,
    ),
    Story(
        "ines-studio-limit",
        "A ninth Universal film in one year, refused by the studio's contract at 8 of 8.",
        "standard", "ES", 1, (LAPTOP,), ines, anchor="year",
    ),
    Story(
        "theo-title-limit",
        "The same Paramount film a third time in one year, refused at 2 of 2.",
        "standard", "NL", 1, (TABLET,), theo, anchor="year",
    ),
    Story(
        "dana-download-limit",
        "Basic plan, 5 of 5 downloads in use: refused, then granted after one was deleted.",
        "basic", "BR", -3, (PHONE,), dana,
    ),
    Story(
        "walt-withdrawn",
        "Watched Metropolis before it was withdrawn; refused when he wanted it again.",
        "standard", "SE", 1, (TABLET,), walt, anchor="turn",
    ),
    Story(
        "ruth-rule-change",
        "Premium plan, a fifth device: refused under the first rules, granted the day after the "
        "second ones came into force.",
        "premium", "FR", 1,
        (TABLET, PHONE, LAPTOP, ("tablet", "Galaxy Tab S9"), ("phone", "iPhone 16")), ruth,
        anchor="turn",
    ),
    Story(
        "sam-retry",
        "The answer got lost, the device asked again with the same command id: one license.",
        "standard", "AU", 10, (TABLET,), sam,
    ),
    Story(
        "pia-playback-window",
        "Started a film, and its 48 hours ended the download days before the license would have.",
        "standard", "JP", 9, (TABLET,), pia,
    ),
    Story(
        "hana-heavy-viewer",
        "Watches most evenings on four devices: a long history to drag through.",
        "premium", "KR", 9, (TABLET, PHONE, LAPTOP, ("phone", "Galaxy S24")), hana,
        joined_days_ago=10_000, sessions_a_week=1.4,
    ),
    Story(
        "new-member",
        "Joined minutes ago: a plan and a device, nothing downloaded yet.",
        "standard", "US", -6, (PHONE,), newcomer, joined_days_ago=0.02,
    ),
)  # fmt: skip


def persona_of(story: Story, period: Period) -> Persona:
    """The named member, with all devices from the first day on."""
    joined = max(period.anchor(story.anchor) - timedelta(days=story.joined_days_ago), period.start)
    gadgets = tuple(
        Gadget(
            f"{story.member_id}-{kind}-{number + 1}",
            kind,
            name,
            joined + timedelta(minutes=4 * (number + 1)),
        )
        for number, (kind, name) in enumerate(story.devices)
    )
    return Persona(
        member_id=story.member_id,
        plan=story.plan,
        country=story.country,
        utc_offset=story.utc_offset,
        joined=joined,
        gadgets=gadgets,
        sessions_a_week=story.sessions_a_week,
        studios=("Studio Ghibli", "Toho", "Warner Bros.", "Universal Pictures"),
        offline=0.25,
        tidy=0.7,
        insists=0.3,
    )


def begin(story: Story, seed: int, period: Period) -> Life:
    """A life whose agenda is the story's."""
    life = Life(persona_of(story, period), seed, period.start, period.until)
    Habits(life).begin(sittings=False)
    story.script(Script(life, period.anchor(story.anchor)))
    return life
