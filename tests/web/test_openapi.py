"""The OpenAPI description is true: every answer has the shape, the codes and the examples it says.

With PLAYHEAD_EXAMPLES=1 the story's calls are written down as the description's examples.
"""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.http import HttpResponse

from projections import hints
from tests.conftest import new_id
from tests.web.api_client import ApiClient
from tests.web.api_story import Call, calls
from timeline.api import codes, openapi, problems
from timeline.api import rules as rules_api
from timeline.api.api import api as ninja
from timeline.models import ApiKey

ROOT = Path(__file__).parents[2]
LARGEST_EXAMPLE = 4000
LONGEST_LIST = 2
"""Of an example that would be larger: it shows the shape, and rule sets are long."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The description as a client gets it."""
    written = ninja.get_openapi_schema(path_prefix="/api/v1/")
    return json.loads(json.dumps(written))


@pytest.fixture(scope="module")
def story(database: object) -> Iterator[list[Call]]:
    """Every call once, with no broker listening."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hints, "nudge", lambda: None)
        one, two = (ApiClient(ApiKey.issue(name)[1]) for name in ("story", "approver"))
        yield list(calls(one, two, new_id("maya")))


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in schema["paths"].values()
        for operation in methods.values()
    }


def only(content: dict[str, Any]) -> dict[str, Any]:
    """What is said of the one type of a body; JSON lines are described by one line."""
    (said,) = content.values()
    return said


def closed(shape: Any) -> Any:
    """The same schema with no field besides those it names: an answer must not hold others."""
    if isinstance(shape, list):
        return [closed(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    inner = {key: closed(value) for key, value in shape.items()}
    if inner.get("type") == "object" and "title" in inner and "properties" in inner:
        inner["additionalProperties"] = False
    return inner


def check(value: Any, shape: Any, schema: dict[str, Any]) -> None:
    shared = closed(schema["components"]["schemas"])
    jsonschema.validate(
        value,
        {**shape, "components": {"schemas": shared}},
        format_checker=jsonschema.FormatChecker(),
    )


def test_every_operation_is_in_the_story(schema: dict[str, Any], story: list[Call]) -> None:
    assert {call.operation for call in story} == set(operations(schema))


def test_every_answer_has_its_shape(schema: dict[str, Any], story: list[Call]) -> None:
    known = operations(schema)
    for call in story:
        assert call.status == 200, (call.operation, call.answer)
        answered = only(known[call.operation]["responses"]["200"]["content"])
        check(call.answer, answered["schema"], schema)
        body = known[call.operation].get("requestBody")
        if call.body is not None and body is not None:
            check(call.body, only(body["content"])["schema"], schema)


def test_the_examples_are_valid_and_every_call_has_them(
    schema: dict[str, Any], story: list[Call]
) -> None:
    if os.environ.get("PLAYHEAD_EXAMPLES"):
        openapi.EXAMPLES.write_text(json.dumps(examples(story), indent=1, sort_keys=True) + "\n")
        pytest.skip("examples written; they are read at the next start")
    for name, operation in operations(schema).items():
        answered = only(operation["responses"]["200"]["content"])
        assert "example" in answered, name
        check(answered["example"], answered["schema"], schema)
        if body := operation.get("requestBody"):
            asked = only(body["content"])
            assert "example" in asked, name
            check(asked["example"], asked["schema"], schema)
    assert set(json.loads(openapi.EXAMPLES.read_text())) == set(examples(story))


def examples(story: list[Call]) -> dict[str, dict[str, Any]]:
    """The first call of each operation, what is too long to be read with its lists cut."""
    found: dict[str, dict[str, Any]] = {}
    for call in story:
        if call.operation not in found:
            told = {"request": call.body, "answer": call.answer}
            found[call.operation] = {
                part: value if len(json.dumps(value)) <= LARGEST_EXAMPLE else cut(value)
                for part, value in told.items()
                if value is not None
            }
    return found


def cut(value: Any) -> Any:
    """The same with the first entries of every list only."""
    if isinstance(value, list):
        return [cut(each) for each in value[:LONGEST_LIST]]
    if isinstance(value, dict):
        return {name: cut(each) for name, each in value.items()}
    return value


def test_every_code_that_can_be_answered_is_in_the_list() -> None:
    raised = {
        literal
        for path in sorted((ROOT / "timeline").rglob("*.py"))
        for literal in code_literals(ast.parse(path.read_text()))
    }
    raised |= {
        (status, str(getattr(kind, "code", "")).lower())
        for kind, status in problems._COMMAND_STATUS.items()
        if kind not in problems._STORE_CODES
    }
    raised |= {
        (problems._COMMAND_STATUS[kind], code) for kind, code in problems._STORE_CODES.items()
    }
    life = ast.parse((ROOT / "licensing" / "rules" / "life.py").read_text())
    raised |= {
        (rules_api._STATUS.get(node.args[0].value, 409), node.args[0].value.lower())
        for node in ast.walk(life)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "LifeError"
        and isinstance(node.args[0], ast.Constant)
    }
    known = {(code.status, name) for name, code in codes.CODES.items()}
    assert raised - known == set()


def code_literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each `Problem(409, "some_code", …)` and `Refused(…)` written out."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("Problem", "Refused")
            and len(node.args) >= 2
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[1], ast.Constant)
        ):
            yield node.args[0].value, node.args[1].value


def test_problems_have_the_shape_and_the_codes_of_their_operation(
    schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "nudge", lambda: None)
    api, nobody = ApiClient(ApiKey.issue("problems")[1]), ApiClient(None)
    reader = ApiClient(ApiKey.issue("reader", ["member:read"])[1])
    member, known = new_id(), operations(schema)
    asked = {"title_id": "film", "device_id": "d1"}
    m = f"/members/{member}"

    def answered(operation: str, response: HttpResponse, status: int, code: str) -> None:
        body = json.loads(response.content)
        assert (response.status_code, body["code"]) == (status, code), body
        described = known[operation]["responses"][str(status)]["content"]
        check(body, described["application/problem+json"]["schema"], schema)

    acquire = "licenses_acquire"
    answered(acquire, nobody.send("POST", f"{m}/licenses", asked), 401, "unauthorized")
    answered(acquire, reader.send("POST", f"{m}/licenses", asked), 403, "missing_scope")
    answered(acquire, api.send("POST", f"{m}/licenses", {}), 422, "invalid_input")
    answered(acquire, api.send("POST", f"{m}/licenses", raw=b"{"), 422, "malformed_json")
    large = b'{"title_id": "' + b"x" * 70_000 + b'"}'
    answered(acquire, api.send("POST", f"{m}/licenses", raw=large), 413, "body_too_large")
    odd = api.send("POST", f"{m}/licenses", raw=b"a=1", content_type="text/plain")
    answered(acquire, odd, 415, "unsupported_media_type")
    early = api.send("POST", f"{m}/licenses", asked, If_Match='"7"')
    answered(acquire, early, 409, "wrong_expected_version")
    renewal = api.send("POST", f"{m}/licenses/none/renewals", {})
    answered("licenses_renew", renewal, 404, "unknown_license")
    past = api.send("GET", f"{m}/state?version=99")
    answered("timelines_read_state", past, 404, "version_not_found")
    ahead = api.send("GET", "/events?bucket=1&after=999999")
    answered("feed_read_feed", ahead, 409, "position_ahead")
