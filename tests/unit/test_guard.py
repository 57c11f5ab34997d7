"""What the guard lets in, and the place it names for what it does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing import guard
from licensing.guard import MAX_INTEGER, REQUEST, Refused, check, check_fields, read_json

DEEP = b'{"a":' + b"[" * 32 + b"]" * 32 + b"}"
INVALID = [
    (b"[]", "body"),
    (b"null", "body"),
    (b'"text"', "body"),
    (b'{"a": NaN}', "a"),
    (b'{"a": [1, -Infinity]}', "a[1]"),
    (b'{"a": {"b": 1.5}}', "a.b"),
    (b'{"a": 1e400}', "a"),
    (b'{"a": 1e2}', "a"),
    (b'{"a": -0.0}', "a"),
    (b'{"a": 9007199254740992}', "a"),
    (b'{"a": -9007199254740992}', "a"),
    (b'{"a": ' + b"9" * 5_001 + b"}", "a"),
    (b'{"a": 1, "a": 1}', "a"),
    (b'{"a": {"b": 1, "\\u0062": 2}}', "a.b"),
    (b'{"a": [{"b": "\\u0000"}]}', "a[0].b"),
    (b'{"a\\u0000": 1}', "a\\u0000"),
    (b'{"a": "\\ud800"}', "a"),
    (b'{"a": "\\udc00\\ud800"}', "a"),
    (b'{"\\ud800": 1}', "\\ud800"),
    (b'{"a": "\xed\xa0\x80"}', "body"),
    (b'{"a": "\xff"}', "body"),
    (b"\xef\xbb\xbf{}", "body"),
    ('{"a": 1}'.encode("utf-16"), "body"),
    (DEEP, "a" + "[0]" * 31),
    (b"[" * 60_000, "body"),
    (b'{"a":' * 12_000, "body"),
    (b'{"a": [' + b"0," * 2_000 + b"0]}", "a[1999]"),
    (b'{"' + b"k" * 129 + b'": 1}', "k" * 129),
    (b'{"a": "' + b"s" * 4_097 + b'"}', "a"),
]
MALFORMED = [b"", b" ", b"{", b'{"a": }', b"{'a': 1}", b'{"a": 1,}', b"{} {}", b'{"a": "\x01"}']


@pytest.mark.parametrize(("data", "path"), INVALID)
def test_it_names_the_place_of_the_fault(data: bytes, path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert (refused.value.code, refused.value.path) == ("invalid_input", path)


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_json_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert refused.value.code == "malformed_json"
    assert "line 1" in refused.value.message


def test_a_large_body_is_refused_by_its_size() -> None:
    data = b'{"a": "' + b"s" * REQUEST.size + b'"}'
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert refused.value.code == "body_too_large"


def test_the_bounds_themselves_are_within() -> None:
    deepest = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert read_json(deepest)
    assert read_json(b'{"a": 9007199254740991, "b": -9007199254740991}')["a"] == MAX_INTEGER
    assert read_json(b'{"' + b"k" * 128 + b'": "' + b"s" * 4_096 + b'"}')


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": ["x" * 4_097]}}, "a.b[0]"),
        ({"a": [0] * 2_001}, "a[1999]"),
        ({"a": {"k" * 129: 1}}, "a." + "k" * 129),
        ({"a": "\x00"}, "a"),
    ],
)
def test_what_another_door_let_in_is_looked_at_again(value: dict[str, object], path: str) -> None:
    with pytest.raises(Refused) as refused:
        check(value)
    assert refused.value.path == path


def test_wider_bounds_are_wider_in_size_alone() -> None:
    wider = guard.Bounds(10**6, 10**4, 10**5)
    check({"a": ["x" * 4_097] * 2_001}, wider)
    with pytest.raises(Refused):
        check({"a": "\x00"}, wider)


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ([("a", ["fine", "also\nfine", "é😀"])], "", ""),
        ([("a", ["x\x00"])], "invalid_input", "a"),
        ([("a\x00", ["x"])], "invalid_input", "a\\u0000"),
        ([("a", ["x"]), ("b", ["fine", "\ud83d"])], "invalid_input", "b"),
        ([("a" * 129, ["x"])], "invalid_input", "a" * 129),
        ([("a", ["x" * (1024 * 1024 + 1)])], "invalid_input", "a"),
        ([("a", ["x"] * 5_001)], "body_too_large", "a"),
        ([(str(n), ["x" * 1024 * 1024]) for n in range(3)], "body_too_large", "2"),
    ],
)
def test_the_fields_of_a_form(fields: list[tuple[str, list[str]]], code: str, path: str) -> None:
    found = ("", "")
    try:
        check_fields(fields)
    except Refused as refused:
        found = (refused.code, refused.path)
    assert found == (code, path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("abcdé☃", max_size=5), json_values, max_size=5))
def test_plain_json_comes_through_unchanged(value: dict[str, object]) -> None:
    assert read_json(json.dumps(value).encode()) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8eE.-1a ', max_size=60).map(str.encode))
def test_nothing_but_a_refusal_comes_out(data: bytes) -> None:
    path = "as it should be"
    try:
        assert isinstance(read_json(data), dict)
    except Refused as refused:
        path = refused.path
    assert path.encode()
