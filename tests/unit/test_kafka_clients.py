"""What kafka-python raises, as a person reads it."""

from __future__ import annotations

import pytest
from kafka import errors

from schemas.errors import ConfigError, TafolError
from streams.connection import Connection
from tafol.errors import Unreachable
from tafol.kafka_clients import broker_errors

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "kind", "said", "cure"),
    [
        (errors.KafkaTimeoutError(), Unreachable, "no broker answers at kafka-1:9092", "kafka.bootstrap"),
        (errors.TopicAuthorizationFailedError(), ConfigError, "refuses this user", "kafka.username"),
        (errors.CoordinatorLoadInProgressError(), TafolError, "is not ready (CoordinatorLoad", "try again in a moment"),
        (errors.UnknownTopicOrPartitionError(), TafolError, "refused: ", None),
        (errors.InvalidReplicationFactorError("3 wanted"), TafolError, "3 wanted", None),
    ],
)
def test_an_error_of_the_broker_says_what_to_do(
    error: errors.KafkaError, kind: type[TafolError], said: str, cure: str | None
) -> None:
    with pytest.raises(kind) as caught, broker_errors(Connection("kafka-1:9092")):
        raise error
    assert said in caught.value.message
    if cure is None:
        assert caught.value.hint is None
    else:
        assert cure in (caught.value.hint or "")
