"""The sign-ins and the API key of a demo installation, kept in `$PLAYHEAD_HOME/demo.json`."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User

from timeline.models import ApiKey
from timeline.policy import ADMINISTRATOR, STAFF_ROLES

KEY_NAME = "demo"
KEY_RATE = 200


def ensure_roles() -> None:
    """Every role is a group, demo or not: what a group may do is said by the views."""
    for role in STAFF_ROLES:
        Group.objects.get_or_create(name=role)


def ensure_demo_access(url: str) -> None:
    """One user per role and one API key; what demo.json already says is kept true, not changed."""
    path: Path = settings.HOME / "demo.json"
    known = _read(path)
    passwords = {user["username"]: user["password"] for user in known.get("users", [])}
    users = []
    for role in (*STAFF_ROLES, ADMINISTRATOR):
        username = role.replace(" ", "-")
        password = passwords.get(username) or f"{username}-{secrets.token_hex(4)}"
        _ensure_user(username, password, role)
        users.append({"username": username, "password": password, "role": role})
    key = known.get("api_key") or ""
    if not key or ApiKey.find(key) is None:
        for old in ApiKey.objects.filter(name=KEY_NAME, revoked_at=None):
            old.revoke()  # its secret is lost, so nobody can use it rightly any more
        _, key = ApiKey.issue(KEY_NAME)
    ApiKey.objects.filter(name=KEY_NAME, revoked_at=None).update(rate=KEY_RATE)
    wanted = {"url": url, "api_key": key, "users": users}
    if wanted != known:
        _write(path, wanted)


def _ensure_user(username: str, password: str, role: str) -> None:
    user, _ = User.objects.get_or_create(username=username)
    if not user.check_password(password):
        user.set_password(password)
    user.is_superuser = role == ADMINISTRATOR
    user.save()
    user.groups.set(Group.objects.filter(name=role))


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, and for the owner's eyes only: it holds passwords."""
    beside = path.with_suffix(".writing")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    beside.replace(path)
