"""Encryption at rest: AES-256-GCM, under keys that are made of the installation's data key.

Whoever has a dump of the database and not the data key has no personal data.
"""

import hmac
import secrets
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.conf import settings

NONCE = 12
KEY = 32


class CannotOpen(ValueError):
    """Sealed under another key, for another place, or damaged."""


def new_key() -> bytes:
    """32 bytes of chance."""
    return secrets.token_bytes(KEY)


def new_nonce() -> bytes:
    """12 bytes of chance."""
    return secrets.token_bytes(NONCE)


def key_for(purpose: str) -> bytes:
    """The installation's key for one purpose; 32 bytes."""
    return _key_for(settings.DATA_KEY, purpose)


@cache
def _key_for(data_key: str, purpose: str) -> bytes:
    info = f"playhead {purpose}".encode()
    return HKDFExpand(SHA256(), KEY, info).derive(sha256(data_key.encode()).digest())


def seal(key: bytes, plain: bytes, place: str) -> bytes:
    """The bytes encrypted: a nonce and a ciphertext that opens at this place only."""
    nonce = new_nonce()
    return nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    """What was sealed with this key for this place; raises CannotOpen."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise CannotOpen(place) from None


def keyed_hash(purpose: str, text: str) -> bytes:
    """32 bytes by which a text is found again, and which tell nothing to those without the key."""
    return hmac.digest(key_for(purpose), text.encode(), "sha256")
