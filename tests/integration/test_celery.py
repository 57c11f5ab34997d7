"""The connections to the broker on PostgreSQL: only who waits for messages is told of them."""

from kombu import Connection

from projections import tasks
from tests.integration.store_kit import connected
from timeline.celery import Playhead, app
from timeline.embedded import SUPERUSER, Addresses


def _listening(database: Addresses) -> int:
    """How many connections PostgreSQL tells of new messages."""
    with connected(database, SUPERUSER) as conn:
        (count,) = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        ).fetchone() or (None,)
    assert isinstance(count, int)
    return count


def _send(connection: Connection) -> None:
    with app.amqp.Producer(connection) as producer:
        tasks.heartbeat.apply_async(producer=producer, expires=0.01, retry=False)


def test_who_only_sends_is_not_told(database: Addresses) -> None:
    """What it was told it never read: some 300 messages on, its backend waited without end."""
    before = _listening(database)
    with app.connection_for_write() as connection:
        _send(connection)
        assert _listening(database) == before
    with app.connection() as connection:  # what pools, and all who do not say what for, make
        _send(connection)
        assert _listening(database) == before


def test_who_waits_is_told(database: Addresses) -> None:
    before = _listening(database)
    with app.connection_for_read() as connection:
        app.amqp.TaskConsumer(connection.default_channel)
        assert _listening(database) == before + 1


def test_another_broker_is_given_no_option_of_this_one() -> None:
    other = Playhead("other", broker="redis://127.0.0.1:1", set_as_current=False)
    assert "use_notify" not in other.connection_for_write().transport_options
