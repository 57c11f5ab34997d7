"""Real workers and a real beat on pgmq, RabbitMQ and Redis, killed, stopped and cut off."""

from collections.abc import Iterator

import pytest

from tests.workers.brokers import Pgmq, RabbitMQ, Redis
from tests.workers.product import Product
from tests.workers.product import product as made
from tests.workers.scenarios import Faults, Redelivery

needs_rabbitmq = pytest.mark.skipif(bool(RabbitMQ.missing), reason=RabbitMQ.missing or "here")
needs_redis = pytest.mark.skipif(bool(Redis.missing), reason=Redis.missing or "here")
BROKERS = {
    "pgmq": lambda server, folder: Pgmq(server),
    "rabbitmq": lambda server, folder: RabbitMQ(folder),
    "redis": lambda server, folder: Redis(folder),
}


@pytest.fixture(scope="class")
def product(request: pytest.FixtureRequest) -> Iterator[Product]:
    """A product on the broker that the class names, with quick timeouts or the product's own."""
    wanted = request.cls
    with made(BROKERS[wanted.broker], quick=issubclass(wanted, Faults)) as ready:
        yield ready


class OutageOfAMinute(Faults):
    """Long enough that every timeout passes within it."""

    licenses = 300
    outage_s = 60.0


class TestPgmq(OutageOfAMinute):
    broker = "pgmq"


@needs_rabbitmq
class TestRabbitMQ(OutageOfAMinute):
    broker = "rabbitmq"


@needs_redis
class TestRedis(OutageOfAMinute):
    broker = "redis"


class TestPgmqRedelivery(Redelivery):
    broker = "pgmq"


@needs_rabbitmq
class TestRabbitMQRedelivery(Redelivery):
    broker = "rabbitmq"


@needs_redis
class TestRedisRedelivery(Redelivery):
    broker = "redis"
