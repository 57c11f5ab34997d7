"""Signing in and out, by Django's own views."""

from django.contrib.auth.views import LoginView, LogoutView


class SignIn(LoginView):
    """Name and password; whoever is signed in already goes on."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """A POST ends the session."""

    http_method_names = ["post", "options"]
