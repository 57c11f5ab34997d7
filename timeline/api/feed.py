"""The feed of one bucket, in the order in which it can never skip an event."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from licensing import connection, store
from timeline.api import keys, outputs, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem

router = Router(tags=["feed"])

Bucket = Annotated[int, Field(ge=0, lt=store.BUCKETS)]


@router.get("", auth=keys.FEED, openapi_extra=told(shapes.Page[shapes.FeedEvent], "position_ahead"))
def read_feed(
    request: HttpRequest, bucket: Bucket, after: pages.After = None, limit: pages.Limit = 100
) -> dict[str, Any]:
    """Events of a bucket after a position; keep the last item's position when `next` is null."""
    conn, place = connection.opened(), pages.number_of(after)
    found = store.read_feed(conn, bucket, place, limit + 1)
    if not found and place:
        head = store.bucket_heads(conn)[bucket]
        if place > head:
            detail = (
                f"Bucket {bucket} ends at position {head}. Whoever has read {place} has read"
                " another history, as it was before a restore: read this one again from 0."
            )
            raise Problem(409, "position_ahead", detail)
    return pages.page(found, limit, lambda event: [event.position], _item)


def _item(recorded: store.RecordedEvent) -> dict[str, Any]:
    return outputs.event(recorded) | {
        "bucket": recorded.bucket,
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "appended_at": recorded.appended_at,
    }
