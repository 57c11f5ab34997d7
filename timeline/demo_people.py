"""Invents who the demo's members are: believable names, e-mails at nobody's domains."""

from random import Random

from projections.read_models import member_directory
from timeline import profiles
from timeline.models import MemberProfile
from timeline.profiles import Profile

FIRST = (
    "Ada", "Amir", "Anouk", "Bela", "Carmen", "Chidi", "Daan", "Elif", "Emeka", "Freya", "Goran",
    "Hanna", "Ibrahim", "Ingrid", "Jonas", "Kaia", "Lars", "Leila", "Mateo", "Mei", "Nadia", "Nils",
    "Oksana", "Omar", "Priya", "Quentin", "Rosa", "Sanne", "Tariq", "Ulla", "Vera", "Wim", "Yara",
    "Zoltan",
)  # fmt: skip
LAST = (
    "Abbink", "Adeyemi", "Almeida", "Berg", "Castellanos", "Dogan", "Eriksen", "Farkas", "Gallo",
    "Haddad", "Iversen", "Jansen", "Kaur", "Kowalski", "Laurent", "Lindqvist", "Marchetti",
    "Nakamura", "Novak", "Okafor", "Petrov", "Quist", "Romero", "Sato", "Tamm", "Ueda", "Vermeer",
    "Walsh", "Yilmaz", "Zhang",
)  # fmt: skip
DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606: never anybody's


def ensure_profiles() -> int:
    """Gives each member of the demo a profile who has none and was not erased; how many it gave."""
    known = set(MemberProfile.objects.values_list("member_id", flat=True))
    members = {found.member_id for found in member_directory.every()}
    missing = [each for each in sorted(members - known) if not profiles.is_erased(each)]
    people = [person_of(member_id) for member_id in missing]
    profiles.put_all(people)
    return len(people)


def person_of(member_id: str) -> Profile:
    """The same person for the same member at every start."""
    chance = Random(f"profile of {member_id}")  # noqa: S311 (inventing, no secret)
    called = member_id.partition("-")[0]
    # The members of the stories are called as their id says.
    first = called.capitalize() if len(called) > 2 and called != "new" else chance.choice(FIRST)
    last = chance.choice(LAST)
    email = f"{first}.{last}{chance.randrange(10, 100)}@{chance.choice(DOMAINS)}".lower()
    return Profile(member_id, email, f"{first} {last}")
