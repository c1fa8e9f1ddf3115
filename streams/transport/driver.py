"""The transport that Faust loads for `tafol://` broker addresses, and its producer."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from faust.transport.drivers import aiokafka as driver

from streams.stage import Output
from streams.transport.consumer import Consumer


class Delivery(NamedTuple):
    """What becomes of one record: the future of its batch, and its place in it."""

    batch: asyncio.Future[RecordMetadata]
    nth: int

    def __await__(self) -> Generator[Any, None, RecordMetadata]:
        """Where the record stands, once the broker has taken it; raises what kept the broker from it."""
        topic, number, where, offset, *rest = yield from self.batch.__await__()
        return RecordMetadata(topic, number, where, offset + self.nth, *rest)


class Producer(driver.Producer):
    """Adds sending in bulk. Idempotent and acks=all always, so order within a partition holds through retries."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def send_all(self, outputs: Iterable[Output]) -> list[Delivery]:
        """Hand `outputs` to the accumulator, in their order within each partition: one coroutine a batch, not a record.

        A batch that is full waits for the one before it in its partition. Raises what aiokafka raises when it takes no
        more, with everything before that record sent or failed.
        """
        producer = self._ensure_producer()
        known: set[str] = set()
        open_batches: dict[tuple[str, int], BatchBuilder] = {}
        members: dict[int, list[int]] = {}
        deliveries: dict[int, Delivery] = {}

        async def submit(topic: str, partition: int) -> None:
            batch = open_batches.pop((topic, partition))
            batch.close()
            future = await producer.send_batch(batch, topic, partition=partition)
            for nth, index in enumerate(members.pop(id(batch))):
                deliveries[index] = Delivery(future, nth)

        for index, output in enumerate(outputs):
            if output.topic not in known:
                await producer.client._wait_on_metadata(output.topic)
                known.add(output.topic)
            partition = producer._partition(output.topic, output.partition, None, None, output.key, None)
            home = output.topic, partition
            while True:
                batch = open_batches.get(home)
                if batch is None:
                    batch = open_batches[home] = producer.create_batch()
                    members[id(batch)] = []
                added = batch.append(timestamp=None, key=output.key, value=output.value, headers=output.headers)
                if added is not None:
                    members[id(batch)].append(index)
                    break
                await submit(*home)
        for home in list(open_batches):
            await submit(*home)
        return [deliveries[index] for index in range(len(deliveries))]


class Transport(driver.Transport):
    """aiokafka's transport with chunks."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
