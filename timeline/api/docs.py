"""The API's reference page: plain HTML from the OpenAPI schema, within the strict CSP."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from timeline.api import codes


class Docs(DocsBase):
    """Swagger UI sets inline styles, which the CSP refuses; a list of calls needs no script."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Every call with its parameters and body."""
        schema = api.get_openapi_schema(path_params=kwargs)
        context = {"info": schema["info"], "openapi_url": self.get_openapi_url(api, kwargs)}
        context["calls"] = _calls(schema)
        context["codes"] = [
            {"name": name, "status": code.status, "meaning": code.meaning}
            for name, code in codes.CODES.items()
        ]
        return render(request, "api.html", context)


def _calls(schema: dict[str, Any]) -> list[dict[str, Any]]:
    shapes = schema.get("components", {}).get("schemas", {})
    return [
        {
            "method": method.upper(),
            "path": path,
            "description": (operation.get("description") or operation["summary"]).replace("`", ""),
            "inputs": [
                *map(_parameter, operation.get("parameters", [])),
                *_fields(operation, shapes),
            ],
            "examples": _examples(operation),
            "codes": [
                {"status": status, "names": _codes(answer)}
                for status, answer in operation["responses"].items()
                if "application/problem+json" in answer.get("content", {})
            ],
        }
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]


def _parameter(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": found["name"],
        "place": found["in"],
        "required": found.get("required", False),
        "kind": _kind(found["schema"]),
        "description": found["schema"].get("description", ""),
    }


def _fields(operation: dict[str, Any], shapes: dict[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    shape: dict[str, Any] = _only(content).get("schema", {})
    for option in [shape, *shape.get("anyOf", [])]:
        if name := option.get("$ref", "").rpartition("/")[2]:
            shape = shapes[name]
    return [
        {
            "name": name,
            "place": "body",
            "required": name in shape.get("required", []),
            "kind": _kind(found),
            "description": found.get("description", ""),
        }
        for name, found in shape.get("properties", {}).items()
    ]


def _examples(operation: dict[str, Any]) -> list[dict[str, str]]:
    body = _only(operation.get("requestBody", {}).get("content", {}))
    answer = _only(operation["responses"][200]["content"])
    return [
        {"title": title, "text": json.dumps(content["example"], indent=2, ensure_ascii=False)}
        for title, content in (("Request", body), ("Answer", answer))
        if content.get("example")
    ]


def _only(content: dict[str, Any]) -> dict[str, Any]:
    """What is said of the one type that there is; nothing without one."""
    return next(iter(content.values()), {})


def _codes(answer: dict[str, Any]) -> list[str]:
    _, own = answer["content"]["application/problem+json"]["schema"]["allOf"]
    names: list[str] = own["properties"]["code"]["enum"]
    return names


def _kind(shape: dict[str, Any]) -> str:
    if "enum" in shape:
        return " | ".join(map(str, shape["enum"]))
    options = [option for option in shape.get("anyOf", []) if option.get("type") != "null"]
    if options:
        return _kind(options[0])
    return "instant" if shape.get("examples") else str(shape.get("type", "any"))
