"""Schemathesis reads the description and sends what it can think of: no 5xx, nothing undescribed.

`PLAYHEAD_FUZZ` is how many requests each operation gets from somebody who may do everything, and
a twentieth of it from somebody who may do nothing there; `make fuzz` asks for 1,000 of both.
"""

import json
import os
from collections.abc import Iterator

import pytest
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from projections import hints
from tests.web.api_client import publish_rules
from tests.web.undoing import undo
from timeline.api.api import api
from timeline.models import ApiKey
from timeline.wsgi import application

MAY = int(os.environ.get("PLAYHEAD_FUZZ") or 100)
MAY_NOT = MAY if MAY > 100 else max(MAY // 20, 1)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ODD = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@schemathesis.serializer("application/x-ndjson")
def one_line(ctx: schemathesis.SerializationContext, value: object) -> bytes:
    """Commands in bulk: whatever was made up for a line, as the only one."""
    return json.dumps(value).encode() + b"\n"


CONFIG = SchemathesisConfig.from_dict(
    {"phases": {"coverage": {"enabled": False}, "examples": {"enabled": True}}}
)
description = schemathesis.openapi.from_dict(
    api.get_openapi_schema(path_prefix="/api/v1/"), config=CONFIG
)
description.app = application


@pytest.fixture(scope="module", autouse=True)
def quiet(database: object) -> Iterator[None]:
    """Rules to decide by, no broker, and one connection: one each took half of the time."""
    publish_rules()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hints, "nudge", lambda: None)
        connection.close()
        patch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
        yield
    undo()
    connection.close()


@pytest.fixture(scope="module")
def everything(database: object) -> dict[str, str]:
    """The headers of a key with every scope."""
    return {"Authorization": f"Bearer {ApiKey.issue('fuzz')[1]}"}


@pytest.fixture(scope="module")
def nothing(database: object) -> dict[str, str]:
    """The headers of a key with no scope."""
    return {"Authorization": f"Bearer {ApiKey.issue('nothing', [])[1]}"}


@description.parametrize()
@settings(ODD, max_examples=MAY)
def test_whoever_may_gets_what_is_described(
    case: schemathesis.Case, everything: dict[str, str]
) -> None:
    case.validate_response(case.call(headers=everything), checks=CHECKS)


@description.parametrize()
@settings(ODD, max_examples=MAY_NOT)
def test_whoever_may_not_is_told_so(case: schemathesis.Case, nothing: dict[str, str]) -> None:
    response = case.call(headers=nothing)
    assert response.status_code in (400, 401, 403, 404, 405, 413, 415, 422), response.text
    case.validate_response(response, checks=[not_a_server_error, content_type_conformance])
