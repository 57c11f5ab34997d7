"""The store's hashes and buckets are for ever: golden vectors, computed once by other means."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing import store
from licensing.store import integrity

BUCKETS = {
    "": 66,
    "member-m-1": 754,
    "member-m-2": 69,
    "rules-download-license": 135,
    "member-ann": 525,
    "member-ünï-漢": 753,
}
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(STORABLE),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(STORABLE, max_size=5), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(("stream_id", "bucket"), BUCKETS.items())
def test_a_stream_keeps_its_bucket_for_ever(stream_id: str, bucket: int) -> None:
    assert store.bucket_of(stream_id) == bucket


def test_buckets_fill_evenly() -> None:
    filled = {store.bucket_of(f"member-{number}") for number in range(10_000)}
    assert len(filled) > 1000
    assert filled <= set(range(store.BUCKETS))


def test_content_hash_is_golden_and_blind_to_the_order_of_keys() -> None:
    event_id = UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e")
    data = {"b": [1, None, True, 'é\n"\\\u0001/'], "a": {"z": -1, "y": {}}}
    again = {"a": {"y": {}, "z": -1}, "b": [1, None, True, 'é\n"\\\u0001/']}
    digest = integrity.content_hash(event_id, "LicenseIssued", 1, data, {"by": "x"})
    assert digest == integrity.content_hash(event_id, "LicenseIssued", 1, again, {"by": "x"})
    assert digest.hex() == "e93320c6192099f8b2a935443230e89ec44b85b3f017f5c892f98b9ced57dee1"


def test_chain_link_is_golden() -> None:
    link = integrity.chain_link(
        bytes(32),
        bytes(range(32)),
        7,
        1_000_000_007,
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC),
    )
    assert link.hex() == "93fe02d8e135787154d86ebc2a404dcf77b289fc766ec74450bd148550e53947"


def test_an_instant_is_hashed_whatever_its_offset() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    first = integrity.chain_link(b"", b"", 1, 1, noon, noon, noon)
    assert first == integrity.chain_link(b"", b"", 1, 1, there, there, there)


@given(PLAIN)
def test_canonical_json_is_what_any_other_writer_makes_of_it(value: object) -> None:
    integrity.check_storable(value, "value")
    expected = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert integrity.canonical(value).decode() == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, {"b": 1.5}]}, "data.a[1].b"),
        ({"a": float("nan")}, "data.a"),
        ({"a": "x\x00"}, "data.a"),
        ({"a\x00": 1}, "data"),
        ({"a": "\ud800"}, "data.a"),
        ({"a": 2**53 + 1}, "data.a"),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "data.a"),
        ({1: "a"}, "data"),
    ],
)
def test_what_would_come_back_changed_is_refused_with_its_path(value: object, path: str) -> None:
    with pytest.raises(store.NotStorable) as refused:
        integrity.check_storable(value, "data")
    assert refused.value.path == path
