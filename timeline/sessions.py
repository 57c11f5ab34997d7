"""How long a sign-in lasts: while somebody does something, and never past its last hour."""

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from timeline import audit

BEGAN, SEEN = "signed_in_at", "seen_at"
NOTED_S = 60
"""How often an action is written down; writing each one would cost a statement a request."""


def lasts(request: HttpRequest, *, acts: bool = True) -> bool:
    """Whether this person is still signed in; ends the session of one who is not, and notes it.

    With `acts` False, the request was the page's own doing and no action of the person.
    """
    now = timezone.now().timestamp()
    began, seen = (request.session.get(name, 0.0) for name in (BEGAN, SEEN))
    if now - began >= settings.SESSION_COOKIE_AGE:
        return _end(request, "the longest time was over")
    if now - seen >= settings.SESSION_IDLE_AGE:
        return _end(request, "nothing was done")
    if acts and now - seen >= NOTED_S:
        request.session[SEEN] = now
    return True


def end_all(user_key: object) -> None:
    """Ends every session of a person; else they would go on once the person may come back."""
    now = timezone.now()
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_key):
            session.delete()


def _end(request: HttpRequest, why: str) -> bool:
    audit.record(request, "sign-out", purpose=why)
    request.session.flush()
    request.user = AnonymousUser()
    return False


@receiver(user_logged_in)
def _begin(request: HttpRequest | None = None, **_: object) -> None:
    if request is not None:
        request.session[BEGAN] = request.session[SEEN] = timezone.now().timestamp()
