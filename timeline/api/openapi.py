"""The OpenAPI description: ninja's parameters and bodies, with our answers, codes and examples.

Each operation says with `told` what it answers and which codes are its own; the codes that every
request, body or command may meet are added here, so that no operation has to repeat them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from timeline import own_writes
from timeline.api import codes, shapes

JSON, LINES = "application/json", "application/x-ndjson"
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
_TAG_READ = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the answer you have: 304, with no body, while it holds.",
    "schema": {"type": "string", "maxLength": 4000},
}
_TAG_HEADER = {
    "description": "Tells this answer from others at its address. A strong one of a member's"
    " history will do as the If-Match of a command, that of a draft or title as that of its PUT.",
    "schema": {"type": "string"},
}
_VERSION_TAG = {"type": "string", "pattern": r'^("?[0-9]{1,9}([.][A-Za-z0-9_-]{1,40})?"?|\*)$'}
_CONDITIONS = (
    {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of what this is to replace; * for whatever there is.",
        "schema": {"type": "string", "maxLength": 4000},
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "With *, only what is not there yet is written.",
        "schema": {"type": "string", "maxLength": 4000},
    },
)
_REVISED = (
    {
        "name": "If-Match",
        "in": "header",
        "description": 'The revision that this was made of, such as "3", or the ETag of the draft'
        " as it was read; * for whatever there is.",
        "schema": _VERSION_TAG,
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
_KEY_HEADERS = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The client's id of this command: sent again, it gets the same answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
)
_COMMAND_HEADERS = (
    {
        "name": "If-Match",
        "in": "header",
        "description": 'The version that the member must be at, such as "12", or the strong ETag'
        " of what was read at it.",
        "schema": _VERSION_TAG,
    },
)


def told(
    answer: Any,
    *own: str,
    command: bool = False,
    keyed: bool = False,
    listing: bool = False,
    conditions: bool = False,
    revised: bool = False,
    lines: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """The `openapi_extra` of an operation: the shape of its answer, and the codes it may give.

    `command` adds the headers and codes of whatever is decided and appended, `keyed` those of what
    takes an Idempotency-Key only, `listing` the headers of what is read from read models,
    `conditions` those of what is replaced by its tag, `revised` that of what is replaced by its
    revision.
    `lines` is the shape of a line when body and answer are JSON lines; `answer` then is of one.
    """
    keyed = keyed or command
    headers = (
        *_KEY_HEADERS * keyed, *_COMMAND_HEADERS * command, *_READ_HEADERS * listing,
        *_CONDITIONS * conditions, *_REVISED * revised,
    )  # fmt: skip
    told: dict[str, Any] = {
        "x-lines": lines,
        "x-answer": answer,
        "x-codes": (*own, *codes.COMMAND * command, *codes.KEYED * keyed),
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
    shapes_of = schema["components"]["schemas"]
    for _, operation in operations:
        if lines := operation.pop("x-lines", None):
            operation["requestBody"] = _lines(lines, shapes_of)
    answers = [operation.pop("x-answer", Any) for _, operation in operations]
    described, shared = msgspec.json.schema_components(
        [*answers, shapes.Problem], ref_template=_REF
    )
    shapes_of.update(_spelled_out(shared))
    for (method, operation), shape in zip(operations, described, strict=False):
        _describe(method, operation, shape)
    schema["info"]["x-codes"] = {
        name: {"status": code.status, "meaning": code.meaning} for name, code in codes.CODES.items()
    }
    return schema


def _spelled_out(shape: Any) -> Any:
    """The same, with the items of every array named: generators of clients ask for them."""
    if isinstance(shape, list):
        return [_spelled_out(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    inner = {name: _spelled_out(value) for name, value in shape.items()}
    return inner if inner.get("type") != "array" else {"items": {}, **inner}


def _describe(method: str, operation: dict[str, Any], shape: dict[str, Any]) -> None:
    example = _examples().get(operation["operationId"], {})
    media = next(iter(operation.get("requestBody", {}).get("content", ())), JSON)
    media = LINES if media == LINES else JSON
    body = operation.get("requestBody", {}).get("content", {}).get(media)
    if body is not None and "request" in example:
        body["example"] = example["request"]
    content = {"schema": shape} | ({"example": example["answer"]} if "answer" in example else {})
    answer: dict[str, Any] = {
        "description": "The answer." if media == JSON else "Lines, each an outcome.",
        "content": {media: content},
    }
    answered = {name: _ANSWER_HEADERS[name] for name in operation.pop("x-headers", ())}
    operation["responses"] = {200: answer}
    if method == "get":
        operation.setdefault("parameters", []).append(_TAG_READ)
        answered["ETag"] = _TAG_HEADER
        unchanged = {"description": "It is what you have.", "headers": {"ETag": _TAG_HEADER}}
        operation["responses"][304] = unchanged
    if answered:
        answer["headers"] = answered
    names = (*codes.ALWAYS, *(codes.BODY if method != "get" else ()), *operation.pop("x-codes", ()))
    for status, found in codes.by_status(names).items():
        operation["responses"][status] = _problem(status, found)


def _lines(shape: type[BaseModel], shapes_of: dict[str, Any]) -> dict[str, Any]:
    """A body of JSON lines; each has this shape."""
    shapes_of[shape.__name__] = shape.model_json_schema(ref_template=_REF.replace("name", "model"))
    content = {"schema": {"$ref": _REF.format(name=shape.__name__)}}
    return {"required": True, "description": "Each line is one.", "content": {LINES: content}}


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
