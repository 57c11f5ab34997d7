"""Who a member is: e-mail and name, kept outside the events, encrypted, and masked when shown.

Stream ids are pseudonyms; this is the only place that leads from one to a person.
"""

import unicodedata
from collections.abc import Iterable

import msgspec
from django.db import connection, transaction

from licensing import connection as licensing_connection
from licensing import history, store, vault
from timeline.models import KnownEmail, MemberProfile

LONGEST_EMAIL = 254
LONGEST_NAME = 200
SHOWN_S = 60
"""How long a revealed profile stays on the screen."""


class Profile(msgspec.Struct, frozen=True):
    """A person in plain words: for whoever may see them, and never for a log."""

    member_id: str
    email: str
    name: str

    def __repr__(self) -> str:
        return f"Profile({self.member_id!r}, masked)"


class Masked(msgspec.Struct, frozen=True):
    """As much of a person as everybody may see."""

    member_id: str
    email: str
    name: str


def put(member_id: str, email: str, name: str) -> None:
    """Keeps who a member is; an earlier e-mail still finds him.

    Raises ValueError, and StreamErased for a member who was erased.
    """
    put_all([Profile(member_id, checked(email), name)])


def put_all(profiles: Iterable[Profile]) -> None:
    """As `put`, for many at once."""
    profiles = list(profiles)
    with transaction.atomic():
        _hold("lock_shared")
        for person in profiles:
            _refuse_erased(person.member_id)
        MemberProfile.objects.bulk_create(
            [
                MemberProfile(
                    member_id=person.member_id,
                    email=_sealed(person.member_id, "email", person.email),
                    name=_sealed(person.member_id, "name", person.name[:LONGEST_NAME]),
                )
                for person in profiles
            ],
            update_conflicts=True,
            unique_fields=["member_id"],
            update_fields=["email", "name", "changed_at"],
        )
        ids = [person.member_id for person in profiles]
        KnownEmail.objects.filter(member_id__in=ids).update(current=False)
        KnownEmail.objects.bulk_create(
            [
                KnownEmail(digest=_digest(person.email), member_id=person.member_id, current=True)
                for person in profiles
            ],
            update_conflicts=True,
            unique_fields=["digest", "member_id"],
            update_fields=["current"],
        )


def find_by_email(text: str) -> str | None:
    """The member with exactly this e-mail, now or formerly; who has it now comes first."""
    email = _normal(text)
    if "@" not in email or len(email) > LONGEST_EMAIL:
        return None
    found = KnownEmail.objects.filter(digest=_digest(email)).order_by("-current", "-pk")
    return found.values_list("member_id", flat=True).first()


def masked(member_id: str) -> Masked | None:
    """The profile as everybody may see it; None for a member without one."""
    row = MemberProfile.objects.filter(pk=member_id).first()
    return None if row is None else masked_row(row)


def masked_row(row: MemberProfile) -> Masked:
    """As `masked`, for a row that was read already."""
    person = _person(row)
    initials = [f"{word[0]}." for word in person.name.split()]
    return Masked(person.member_id, mask_email(person.email), " ".join(initials))


def reveal(member_id: str) -> Profile | None:
    """The profile in plain words. Whoever calls this has noted why before."""
    return _read(member_id)


def erase(member_id: str) -> bool:
    """Deletes the profile and every way to it; whether there was one.

    Of a member whose history was closed before, none can be put here again.
    """
    with transaction.atomic():
        _hold("lock")
        KnownEmail.objects.filter(member_id=member_id).delete()
        gone, _ = MemberProfile.objects.filter(pk=member_id).delete()
    return gone > 0


def checked(email: str) -> str:
    """The e-mail without spaces around it; raises ValueError for what is none."""
    local, at, domain = email.strip().rpartition("@")
    printable = email.isprintable() and not any(c.isspace() for c in email.strip())
    if not (at and local and "." in domain and printable and len(email) <= LONGEST_EMAIL):
        raise ValueError("this is no e-mail address")
    return email.strip()


def mask_email(email: str) -> str:
    """`m•••@example.com`: the first letter and the domain."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def _hold(lock: str) -> None:
    """Until the transaction's end, nobody puts a profile while one is erased, nor the reverse."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_{lock}(hashtextextended('profiles', 0))")


def is_erased(member_id: str) -> bool:
    """Whether the member's history was closed for ever, so that no profile can be put."""
    head = store.stream_head(licensing_connection.opened(), history.stream_of(member_id))
    return head is not None and head.erased_at is not None


def _refuse_erased(member_id: str) -> None:
    if is_erased(member_id):
        raise store.StreamErased(history.stream_of(member_id))


def _read(member_id: str) -> Profile | None:
    row = MemberProfile.objects.filter(pk=member_id).first()
    return None if row is None else _person(row)


def _person(row: MemberProfile) -> Profile:
    email, name = (
        _opened(row.member_id, field, bytes(getattr(row, field))) for field in ("email", "name")
    )
    return Profile(row.member_id, email, name)


def _normal(email: str) -> str:
    """One spelling for all that reach the same mailbox in practice."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def _digest(email: str) -> bytes:
    return vault.keyed_hash("e-mail look-up", _normal(email))


def _place(member_id: str, field: str) -> str:
    return f"profile {member_id} {field}"


def _sealed(member_id: str, field: str, text: str) -> bytes:
    return vault.seal(vault.key_for("profiles"), text.encode(), _place(member_id, field))


def _opened(member_id: str, field: str, sealed: bytes) -> str:
    return vault.unseal(vault.key_for("profiles"), sealed, _place(member_id, field)).decode()
