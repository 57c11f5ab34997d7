"""Every answer that is not the one asked for: one shape (RFC 9457), one place that fills it in."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import django.db
import msgspec
import ninja.errors
import pydantic
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
    UnreadablePostError,
)
from django.http.response import HttpResponseBase

from licensing import guard, history, service, store, trail
from timeline import arriving
from timeline.api import codes, conditional
from timeline.requests import id_of

log = logging.getLogger(__name__)


class Fault(msgspec.Struct, frozen=True):
    """One place in the request, and what is wrong there."""

    path: str
    message: str


class Problem(Exception):
    """An answer in `application/problem+json`; `code` is stable, `detail` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def invalid(path: str, message: str) -> Problem:
    """The 422 for one fault."""
    return Problem(422, "invalid_input", f"{path}: {message}", errors=[Fault(path, message)])


def busy(why: str) -> Problem:
    """The 503 for what can be sent again soon, as it is."""
    detail = f"{why}; send the same again"
    return Problem(503, "busy", detail, headers={"Retry-After": "2"})


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The response that carries `problem`."""
    return HttpResponse(
        msgspec.json.encode(_body(request, problem), order="deterministic"),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers,
    )


def _body(request: HttpRequest, problem: Problem) -> dict[str, Any]:
    return {
        "type": f"urn:playhead:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "errors": problem.errors,
        "request_id": id_of(request),
    }


def told(request: HttpRequest, error: Exception) -> dict[str, Any]:
    """What would be answered to `error`, for one part of an answer."""
    return _body(request, _noted(request, error))


def handle(request: HttpRequest, error: Any) -> HttpResponse:
    """The one exception handler of the API."""
    if isinstance(error, conditional.Unchanged):
        return HttpResponseNotModified()
    return answer(request, _noted(request, error))


def _noted(request: HttpRequest, error: Exception) -> Problem:
    problem = as_problem(error)
    if problem.status == 500:
        log.error("%s answered %s", request.path, problem, exc_info=error)
    elif problem.status > 500:
        log.warning("%s answered %s: %s", request.path, problem, error)
    return problem


def enclose(
    view: Callable[..., HttpResponseBase], *, streams: bool = False
) -> Callable[..., HttpResponseBase]:
    """Wraps a view of the API: nothing leaves it in another shape or without a request id.

    A read leaves it with its ETag, or as 304. HEAD is GET of which the server sends no body. A
    request's own body is here before the view is called, except where the view `streams` it.
    """

    @wraps(view)
    def enclosed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = request.method or ""
        if method == "HEAD":
            request.method = "GET"
        try:
            if settings.SECURE_SSL_REDIRECT and not request.is_secure():
                detail = "the key went in plain text: use HTTPS, and rotate the key"
                raise Problem(403, "https_required", detail)
            if streams:
                arriving.check_length(request)
            else:
                arriving.wait(request)
            response = view(request, *args, **kwargs)
            if isinstance(response, HttpResponseNotAllowed):
                allowed = response["Allow"]
                response = answer(request, _not_allowed(method, allowed))
        except Exception as error:
            response = handle(request, error)
        response = conditional.finish(request, response)
        request.method = method
        response["X-Request-Id"] = id_of(request)
        response.setdefault("Cache-Control", "no-store")
        return response

    return enclosed


def _not_allowed(method: str, allowed: str) -> Problem:
    methods = set(allowed.split(", "))
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    detail = f"{method} is not allowed here; allowed: {allowed}"
    return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


# The status of each error that a command may end in. Their codes are their own.
_COMMAND_STATUS: dict[type[Exception], int] = {
    service.UnknownLicense: 404,
    service.UnknownDevice: 404,
    history.NotYet: 404,
    service.LicenseIdTaken: 409,
    service.UnreadableStream: 409,
    store.WrongExpectedVersion: 409,
    store.CommandIdReused: 409,
    store.StreamErased: 410,
    service.NoRules: 503,
    trail.NotNoted: 503,
}
_STORE_CODES: dict[type[Exception], str] = {
    store.WrongExpectedVersion: "wrong_expected_version",
    store.CommandIdReused: "idempotency_key_reused",
    store.StreamErased: "member_erased",
}
# The store speaks to the driver itself, so its errors arrive as the driver's own.
_DRIVER: Any = getattr(django.db.connection, "Database")  # noqa: B009
_AWAY = (
    _DRIVER.OperationalError,
    _DRIVER.InterfaceError,
    django.db.OperationalError,
    django.db.InterfaceError,
)
_NOT_DATA = (_DRIVER.DataError, django.db.DataError)


def as_problem(error: Exception) -> Problem:
    """What the API says about `error`."""
    if isinstance(error, trail.NotNoted) and isinstance(error.__cause__, _AWAY):
        return _database_away()
    for kind, status in _COMMAND_STATUS.items():
        if isinstance(error, kind):
            return _of_command(error, status, _STORE_CODES.get(kind))
    match error:
        case Problem():
            return error
        case guard.Refused():
            return _of_guard(error)
        case service.InvalidCommand():
            return invalid(error.path, str(error))
        case store.NotStorable():
            return invalid(guard.printable(error.path), error.why)
        case ninja.errors.ValidationError():
            return _of_validation(error.errors)
        case pydantic.ValidationError():  # of one line of a body
            return _of_validation([{**x, "loc": ("body", "", *x["loc"])} for x in error.errors()])
        case ninja.errors.HttpError():
            return _of_ninja(error)
        case RequestDataTooBig():
            return Problem(413, "body_too_large", "the body is larger than is let in")
        case arriving.LengthRequired():
            detail = "the body has to come with its Content-Length"
            return Problem(411, "length_required", detail)
        case arriving.NoSeat():
            return busy("too many bodies are on their way")
        case SuspiciousOperation() | UnreadablePostError():
            return Problem(400, "bad_request", "the request could not be read")
        case Http404():
            return Problem(404, "not_found", "there is nothing at this address")
        case _ if isinstance(error, _AWAY):
            return _database_away()
        case _ if isinstance(error, _NOT_DATA):
            log.warning("a value passed the guard that the database refuses", exc_info=error)
            return Problem(422, "invalid_input", "a value in the request cannot be stored")
        case _:
            return Problem(500, "internal_error", "the fault is on our side, and has been noted")


def _of_command(error: Exception, status: int, code: str | None) -> Problem:
    code = code or str(getattr(error, "code", "conflict")).lower()
    headers = {"Retry-After": "1"} if status == 503 else None
    return Problem(status, code, str(error), headers=headers)


def _of_guard(error: guard.Refused) -> Problem:
    errors = [Fault(error.path, error.message)]
    status = codes.CODES[error.code].status
    return Problem(status, error.code, str(error), errors=errors)


def _of_ninja(error: ninja.errors.HttpError) -> Problem:
    # Ninja turns whatever a parser raises into a 400; the guard's own words are underneath.
    if isinstance(error.__cause__, guard.Refused):
        return _of_guard(error.__cause__)
    match error.status_code:
        case 401:
            headers = {"WWW-Authenticate": 'Bearer realm="playhead"'}
            detail = "send a valid API key as Authorization: Bearer <key>"
            return Problem(401, "unauthorized", detail, headers=headers)
        case 403:
            return Problem(403, "forbidden", error.message)
        case status:
            return Problem(status, "bad_request", error.message)


def _of_validation(errors: list[dict[str, Any]]) -> Problem:
    faults = [Fault(_path(error["loc"]), str(error["msg"])) for error in errors[:20]]
    first = faults[0] if faults else Fault("body", "not valid")
    return Problem(422, "invalid_input", f"{first.path}: {first.message}", errors=faults)


def _path(location: tuple[str | int, ...]) -> str:
    """`title.studio` in a body; `query.limit`, `path.member_id` elsewhere."""
    source, *rest = location
    # In a body, the first step is the name of our own parameter, which says nothing to a client.
    rest = rest[1:] if source == "body" else [source, *rest]
    path = ""
    for step in rest:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return guard.printable(path)


def _database_away() -> Problem:
    # The next request must not be handed this broken connection again.
    try:
        django.db.connection.close()
    except Exception:
        log.debug("closing a broken connection failed", exc_info=True)
    detail = "the database does not answer; the same request may be sent again"
    return Problem(503, "database_unavailable", detail, headers={"Retry-After": "1"})
