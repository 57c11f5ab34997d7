"""The OpenAPI description: ninja's parameters and bodies, with our answers, codes and examples.

Each operation says with `told` what it answers and which codes are its own; the codes that every
request, body or command may meet are added here, so that no operation has to repeat them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from timeline import own_writes
from timeline.api import codes, shapes

EXAMPLES = Path(__file__).with_name("examples.json")
_REF = "#/components/schemas/{name}"
_READ_HEADERS = (
    {
        "name": own_writes.HEADER,
        "in": "header",
        "description": "That of your last command's answer: what is listed waits for it, up to half"
        f" a second; an answer that was not as far then has the header {own_writes.CATCHING_UP}.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,4}[.][0-9]{1,15}$"},
    },
)
_ANSWER_HEADERS = {
    own_writes.HEADER: {
        "description": "Where the command's last event is in the feed; absent when it made none."
        " Sent along with the next call, it makes lists wait for what was just done.",
        "schema": {"type": "string"},
    },
    own_writes.CATCHING_UP: {
        "description": "The read models that had not come to the position that was sent along:"
        " what was just done may not be listed yet. Absent otherwise.",
        "schema": {"type": "string"},
    },
}
_COMMAND_HEADERS = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The client's id of this command: sent again, it gets the same answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    {
        "name": "If-Match",
        "in": "header",
        "description": 'The version that the member must be at, such as "12".',
        "schema": {"type": "string", "pattern": r'^("?[0-9]{1,9}"?|\*)$'},
    },
)


def told(answer: Any, *own: str, command: bool = False, listing: bool = False) -> dict[str, Any]:
    """The `openapi_extra` of an operation: the shape of its answer, and the codes it may give.

    `command` adds the headers and codes of whatever is decided and appended, `listing` the
    headers of what is read from read models.
    """
    headers = _COMMAND_HEADERS if command else _READ_HEADERS if listing else ()
    told: dict[str, Any] = {
        "x-answer": answer,
        "x-codes": (*own, *(codes.COMMAND if command else ())),
        "x-headers": (own_writes.HEADER,) * command + (own_writes.CATCHING_UP,) * listing,
    }
    return told | ({"parameters": [dict(header) for header in headers]} if headers else {})


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Ninja's schema with every answer, problem and example filled in."""
    operations = [
        (method, operation)
        for methods in schema["paths"].values()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    ]
    answers = [operation.pop("x-answer", Any) for _, operation in operations]
    described, shared = msgspec.json.schema_components(
        [*answers, shapes.Problem], ref_template=_REF
    )
    schema["components"]["schemas"].update(shared)
    for (method, operation), shape in zip(operations, described, strict=False):
        _describe(method, operation, shape)
    schema["info"]["x-codes"] = {
        name: {"status": code.status, "meaning": code.meaning} for name, code in codes.CODES.items()
    }
    return schema


def _describe(method: str, operation: dict[str, Any], shape: dict[str, Any]) -> None:
    example = _examples().get(operation["operationId"], {})
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "request" in example:
        body["example"] = example["request"]
    content = {"schema": shape} | ({"example": example["answer"]} if "answer" in example else {})
    answer: dict[str, Any] = {
        "description": "The answer.",
        "content": {"application/json": content},
    }
    if headers := operation.pop("x-headers", ()):
        answer["headers"] = {name: _ANSWER_HEADERS[name] for name in headers}
    operation["responses"] = {200: answer}
    names = (*codes.ALWAYS, *(codes.BODY if method != "get" else ()), *operation.pop("x-codes", ()))
    for status, found in codes.by_status(names).items():
        operation["responses"][status] = _problem(status, found)


def _problem(status: int, names: list[str]) -> dict[str, Any]:
    lines = [f"`{name}`: {codes.CODES[name].meaning}" for name in names]
    problem: dict[str, Any] = {
        "description": "\n".join(lines),
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [
                        {"$ref": _REF.format(name="Problem")},
                        {"properties": {"code": {"enum": names}}},
                    ]
                }
            }
        },
    }
    if status in (429, 503):
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        problem["headers"] = {"Retry-After": seconds}
    return problem


@cache
def _examples() -> dict[str, Any]:
    return json.loads(EXAMPLES.read_text()) if EXAMPLES.exists() else {}
