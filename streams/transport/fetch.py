"""Taking whole partitions' records out of aiokafka's fetcher, without a Python object per record.

aiokafka's own `fetched_records` builds an 11-field dataclass for each record. Here the C record objects are taken as
they are, one Python step per Kafka record batch; or none are made, for topics whose stage works on columns. Runs in the
consumer thread. Everything with a leading underscore is aiokafka's private property:
tests/contract/test_private_names.py fails loudly when an upgrade changes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition

from streams.stage import LogRecord
from streams.transport.kept import KeepingClient


class FetchedChunk(NamedTuple):
    """Consecutive records of one partition as fetched.

    `start` to `next_offset` is the stretch of the log that the chunk covers; it may hold offsets without a record
    (transaction markers, compacted records), so continuity is judged by these two and never by record offsets.
    `records` may be empty when the whole stretch holds no record.
    """

    partition: TopicPartition
    start: int
    next_offset: int
    records: Sequence[LogRecord]
    size_bytes: int
    epoch: int = -1
    generation: int = -1


async def fetched_chunks(fetcher: Fetcher, wanted: Collection[TopicPartition], timeout_s: float) -> list[FetchedChunk]:
    """All that has been fetched of the `wanted` partitions; waits up to `timeout_s` seconds for the first.

    An empty `wanted` gives nothing (aiokafka takes an empty set for "all"). Raises what the fetcher met: the errors of
    a partition, authorisation errors.
    """
    if not wanted:
        return []
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        chunks = _drain(fetcher, wanted)
        remaining_s = deadline - asyncio.get_running_loop().time()
        if chunks or remaining_s <= 0 or fetcher._closed:
            return chunks
        waiter = fetcher._create_fetch_waiter()
        done, pending = await asyncio.wait([waiter], timeout=remaining_s)
        for future in pending:
            future.cancel()
        for future in done:
            future.result()  # authorisation errors


def _drain(fetcher: Fetcher, wanted: Collection[TopicPartition]) -> list[FetchedChunk]:
    chunks: list[FetchedChunk] = []
    client = fetcher._client if isinstance(fetcher._client, KeepingClient) else None
    if client is not None:
        client.keep_only(fetcher._records)
    for partition in list(fetcher._records):
        if partition not in wanted:
            if not fetcher._subscriptions.is_assigned(partition):
                del fetcher._records[partition]
            continue
        found = fetcher._records[partition]
        if not isinstance(found, FetchResult):
            if chunks:
                return chunks  # the error is raised by the next call, when nothing would be lost by it
            del fetcher._records[partition]
            fetcher._notify(fetcher._wait_consume_future)
            found.check_raise()
            continue
        chunk = _take(partition, found, client)
        del fetcher._records[partition]
        fetcher._notify(fetcher._wait_consume_future)
        if chunk is not None:
            chunks.append(chunk)
    return chunks


def _take(partition: TopicPartition, fetched: FetchResult, client: KeepingClient | None) -> FetchedChunk | None:
    """Empty `fetched` and move the consumer's position behind it; None when a seek or a rebalance overtook it."""
    if not fetched.has_more() or not fetched.check_assignment(partition):
        return None
    unread = fetched._partition_records
    start = unread.next_fetch_offset
    size = unread._records.size_in_bytes()
    batches = list(_batches(partition, unread))
    columns = client.columns(partition, size) if client is not None else None
    records = columns.since(start) if columns is not None else _objects(batches, start)
    if batches:
        unread.next_fetch_offset = batches[-1].next_offset
    # the generator that aiokafka made holds the fetched bytes in a reference cycle: without this, memory grows fivefold
    unread._records_iterator = None
    fetched._update_position()
    if unread.next_fetch_offset <= start:
        return None
    return FetchedChunk(partition, start, unread.next_fetch_offset, records, size)


def _batches(partition: TopicPartition, unread: PartitionRecords) -> Iterator[DefaultRecordBatch]:
    """The record batches of a fetch. Raises CorruptRecordException."""
    batches = unread._records
    while batches.has_next():
        batch = batches.next_batch()
        if unread._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"invalid CRC in {partition.topic}[{partition.partition}]")
        yield batch


def _objects(batches: Iterable[DefaultRecordBatch], start: int) -> list[LogRecord]:
    """The records from offset `start` on, as aiokafka's objects."""
    records: list[Any] = []
    for batch in batches:
        if not batch.is_control_batch:
            first = len(records)
            records.extend(batch)
            if len(records) > first and records[first].offset < start:
                records[first:] = [record for record in records[first:] if record.offset >= start]
    return records
