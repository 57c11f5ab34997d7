"""Signing in and out, by Django's own views."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from timeline import limits
from timeline.http import too_many
from timeline.requests import address_of


class SignIn(LoginView):
    """Name and password; whoever is signed in already goes on."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Checking a password is made to be slow, so one address may ask for it seldom."""
        try:
            limits.take(f"sign-in {address_of(request)}", settings.SIGN_IN_RATE)
        except limits.Exceeded as much:
            return too_many(request, much)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


class SignOut(LogoutView):
    """A POST ends the session."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Asks the browser to forget what it saw; the cookie of the session goes by itself."""
        answer: HttpResponse = super().post(request, *args, **kwargs)
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
        return answer
