"""The transport that Faust loads for `tafol://` broker addresses, and its producer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from aiokafka.structs import RecordMetadata
from faust.transport.drivers import aiokafka as driver

from streams.stage import Output
from streams.transport.consumer import Consumer


class Producer(driver.Producer):
    """Adds sending in bulk. Idempotent and acks=all always, so order within a partition holds through retries."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def send_all(self, outputs: Iterable[Output]) -> list[asyncio.Future[RecordMetadata]]:
        """Hand `outputs` to the accumulator in their order; the futures end when the broker has taken each."""
        send = self._ensure_producer().send
        return [
            await send(output.topic, output.value, output.key, output.partition, None, output.headers)
            for output in outputs
        ]


class Transport(driver.Transport):
    """aiokafka's transport with chunks."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
