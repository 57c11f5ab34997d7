"""Personal text on its way into the store and out of it, under a key of its stream.

Notes, reasons in words, device names and whatever the rules have not declared are encrypted before
an event is hashed. They stand together under `$sealed`, in place of the fields that they came from;
what is opened is as it was before. Where the key is gone, texts read as ERASED and attributes are
missing.
"""

import base64
import binascii
import re
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from hashlib import blake2b
from threading import Lock
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from licensing import connection, store, vault
from licensing.rules import RuleSet

SEALED = "$sealed"
ERASED = "[erased]"
REMEMBERED = 2_000
REMEMBERED_S = 5.0

TEXTS: Mapping[str, tuple[str, ...]] = {
    "AddNote": ("text",),
    "AllowanceGranted": ("reason",),
    "AllowanceWithdrawn": ("reason",),
    "ApprovalRequest": ("reason", "answer"),
    "AuditEntry": ("reason",),
    "CancelMembership": ("reason",),
    "DeactivateDevice": ("reason",),
    "DeviceDeactivated": ("reason",),
    "DeviceRegistered": ("name",),
    "ExtendLicense": ("reason",),
    "ExtensionWithdrawn": ("reason",),
    "GrantAllowance": ("reason",),
    "LicenseExtended": ("reason",),
    "LicenseRevoked": ("reason",),
    "MembershipCancelled": ("reason",),
    "NoteAdded": ("text",),
    "RegisterDevice": ("name",),
    "RevokeLicense": ("reason",),
    "WithdrawAllowance": ("reason",),
    "WithdrawExtension": ("reason",),
}
"""The fields of events, commands, requests and the audit trail that hold words of people."""

MAPS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("AcquireLicense", "AcquisitionRefused", "LicenseIssued"), ("context", "device")
)
"""The open maps about a person; a title's attributes are the catalogue's."""

ALWAYS_DECLARED = frozenset({"device.type"})
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")  # MEMBERSHIP_CANCELLED is no person's words
_MARK = f'"{SEALED}"'
_MARK_BYTES = _MARK.encode()
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

_keys: OrderedDict[str, tuple[AESGCM | None, bytes, float]] = OrderedDict()
_lock = Lock()


def declared_by(ruleset: RuleSet) -> frozenset[str]:
    """The attributes of device and context that these rules name: `device.type`, `context.app`."""
    paths = [fact.path for fact in ruleset.facts.values()]
    for counter in ruleset.counters.values():
        paths += [*counter.same, *counter.where, counter.distinct or ""]
    named = (path.split(".") for path in paths)
    return frozenset(".".join(parts[:2]) for parts in named if len(parts) > 1)


def seal(
    stream_id: str, name: str, data: dict[str, Any], declared: Collection[str]
) -> dict[str, Any]:
    """The data of an event or command with its personal text encrypted; raises StreamErased.

    What is sealed already, by a store that was erased there, stays as it is.
    """
    if SEALED in data:
        return data
    personal: dict[str, Any] = {}
    for field in TEXTS.get(name, ()):
        text = data.get(field)
        if isinstance(text, str) and not (field == "reason" and _CODE.fullmatch(text)):
            personal[field] = text
    for field in MAPS.get(name, ()):
        given = data.get(field)
        if isinstance(given, dict):
            hidden = {k: v for k, v in given.items() if f"{field}.{k}" not in declared}
            if hidden:
                personal[field] = hidden
    if not personal:
        return data
    kept = {key: value for key, value in data.items() if key not in personal}
    for field in MAPS.get(name, ()):
        if field in personal:
            hidden = personal[field]
            kept[field] = {k: v for k, v in data[field].items() if k not in hidden}
    key, _ = _key(stream_id, make=True)
    assert key is not None  # or StreamErased was raised
    nonce = vault.new_nonce()
    sealed = nonce + key.encrypt(nonce, _encode(personal), stream_id.encode())
    return kept | {SEALED: base64.b64encode(sealed).decode()}


def opened(stream_id: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The data as it was before it was sealed, or what is left of it without the key."""
    sealed = data.get(SEALED)
    if not isinstance(sealed, str):
        return data
    personal = _open(stream_id, sealed)
    if personal is None:
        return unopened(name, data)
    kept = {key: value for key, value in data.items() if key != SEALED}
    for field, value in personal.items():
        before = kept.get(field)
        kept[field] = {**before, **value} if isinstance(before, dict) else value
    return kept


def unopened(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """What is left of the data without the key."""
    if SEALED not in data:
        return data
    kept = {key: value for key, value in data.items() if key != SEALED}
    return kept | {field: ERASED for field in TEXTS.get(name, ()) if field not in kept}


def portable(stream_id: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The data as another store may take it: opened, or as it stands where the key is gone."""
    sealed = data.get(SEALED)
    if not isinstance(sealed, str) or _open(stream_id, sealed) is None:
        return data
    return opened(stream_id, name, data)


def opened_json(stream_id: str, name: str, data: str | bytes) -> str | bytes:
    """As `opened`, on JSON; what holds nothing sealed comes back as it is."""
    if (_MARK_BYTES if isinstance(data, bytes) else _MARK) not in data:  # type: ignore[operator]
        return data
    return _encode(opened(stream_id, name, _decode(data)))


def opened_event(recorded: store.RecordedEvent) -> store.RecordedEvent:
    """The event with its personal text in plain words: for whoever may see the member."""
    data = opened_json(recorded.stream_id, recorded.type, recorded.data_json)
    return recorded if data is recorded.data_json else replace(recorded, data_json=data)


def closed(stream_id: str) -> bool:
    """Whether nothing can be sealed for this stream any more; what is remembered does not count."""
    forget(stream_id)
    try:
        _key(stream_id, make=True)
    except store.StreamErased:
        return True
    return False


def seal_state(stream_id: str, state: bytes) -> bytes:
    """A folded state or a page of one, encrypted; the same state gives the same bytes."""
    key, raw = _key(stream_id, make=True)
    assert key is not None
    # The nonce is made of key and content, so that it repeats with the whole content only.
    nonce = blake2b(state, key=raw, digest_size=vault.NONCE).digest()
    return nonce + key.encrypt(nonce, state, _state_of(stream_id))


def open_state(stream_id: str, sealed: bytes) -> bytes | None:
    """What `seal_state` was given; None where it cannot be opened."""
    key, _ = _key(stream_id)
    if key is None:
        return None
    try:
        return key.decrypt(sealed[: vault.NONCE], sealed[vault.NONCE :], _state_of(stream_id))
    except (InvalidTag, ValueError):
        return None


def forget(stream_id: str) -> None:
    """Ask for this stream's key again: it may have been destroyed."""
    with _lock:
        _keys.pop(stream_id, None)


def _state_of(stream_id: str) -> bytes:
    return f"state {stream_id}".encode()


def _open(stream_id: str, sealed: str) -> dict[str, Any] | None:
    key, _ = _key(stream_id)
    if key is None:
        return None
    try:
        raw = base64.b64decode(sealed, validate=True)
        plain = key.decrypt(raw[: vault.NONCE], raw[vault.NONCE :], stream_id.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None
    return _decode(plain)


def _key(stream_id: str, *, make: bool = False) -> tuple[AESGCM | None, bytes]:
    """The stream's key, ready to be used and as it is; None where there is none.

    Remembered for seconds: after that, a key that another process destroyed is gone here.
    """
    now = time.monotonic()
    with _lock:
        known = _keys.get(stream_id)
    if known is not None and known[2] > now and (known[0] is not None or not make):
        return known[0], known[1]
    wrapped = store.read_key(connection.opened(), stream_id)
    if wrapped is None and make:
        offered = vault.seal(vault.key_for("streams"), vault.new_key(), stream_id)
        wrapped = store.make_key(connection.opened(), stream_id, offered)
    raw = b"" if wrapped is None else vault.unseal(vault.key_for("streams"), wrapped, stream_id)
    cipher = AESGCM(raw) if raw else None
    with _lock:
        _keys[stream_id] = cipher, raw, now + REMEMBERED_S
        _keys.move_to_end(stream_id)
        while len(_keys) > REMEMBERED:
            _keys.popitem(last=False)
    return cipher, raw
