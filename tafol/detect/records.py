"""Sends a record of a person's decision about a series, keyed by series id: it lands where the series' records are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel

from schemas.catalogue import MESSAGES
from schemas.headers import without_origin
from streams.connection import Connection
from streams.stage import instant
from tafol.kafka_clients import SEND_WITHIN_S, producer

SOURCE: Final = "detect"


def send_keyed(connection: Connection, topic: str, series: str, record_id: str, record: BaseModel) -> datetime:
    """Write `record` and wait for all copies; its append time. Raises Unreachable, TafolError.

    The partition is that of the key's hash, by the function that the stages' producer uses. No stage made it, so it has
    no origin.
    """
    headers = without_origin(MESSAGES[topic].kind, record_id, SOURCE)
    with producer(connection) as client:
        future = client.send(topic, key=series.encode(), value=record.model_dump_json().encode(), headers=headers)
        return instant(future.get(timeout=SEND_WITHIN_S).timestamp)
