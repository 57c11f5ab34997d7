"""What came to a stream since a page was made: cheap to ask, and nothing when nothing came."""

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotModified, JsonResponse

from licensing import connection, store
from timeline.http import small_int

MOST_READ = 200  # of the new events, to say when the earliest happened


def news(request: HttpRequest, stream: str) -> HttpResponseBase:
    """`{"head", "count", "earliest"}` since step `since`; 304 while the head is as it was."""
    since = small_int(request.GET.get("since")) or 0
    conn = connection.opened()
    head = store.stream_head(conn, stream)
    version = head.version if head else 0
    tag = f'"{since}-{version}"'
    if request.headers.get("If-None-Match") == tag:
        answer: HttpResponseBase = HttpResponseNotModified()
    else:
        new = (
            store.read_stream(conn, stream, after=since, limit=MOST_READ) if since < version else []
        )
        earliest = min((event.occurred_at for event in new), default=None)
        answer = JsonResponse(
            {
                "head": version,
                "count": max(0, version - since),
                "earliest": earliest.isoformat() if earliest else None,
            }
        )
    answer.headers["ETag"] = tag
    # It says how many and when, and of whom only to who knows: kept, so that it can be asked for
    # with its tag.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
