"""Names that faust-streaming and aiokafka call private and that the batch transport leans on.

When this fails, the libraries were upgraded: read the change at each name, then run the fault tests before moving the
pins in pyproject.toml.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any

import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.protocol import fetch
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.app.base import App
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver

pytestmark = pytest.mark.unit

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}


@pytest.mark.parametrize(("package", "wanted"), PINNED.items())
def test_the_versions_are_the_ones_that_were_read(package: str, wanted: str) -> None:
    assert version(package) == wanted


def _attributes_set_in(function: Any) -> set[str]:
    source = inspect.getsource(function)
    return {part.split()[0].rstrip(":=,)") for part in source.split("self.")[1:]}


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (fetcher.Fetcher, ["_create_fetch_waiter", "_notify"]),
        (fetcher.FetchResult, ["check_assignment", "has_more", "_update_position"]),
        (fetcher.FetchError, ["check_raise"]),
        (AIOKafkaProducer, ["_partition", "create_batch", "send_batch"]),
        (AIOKafkaClient, ["_wait_on_metadata"]),
        (MemoryRecords, ["has_next", "next_batch", "size_in_bytes"]),
        (
            driver.AIOKafkaConsumerThread,
            ["_create_worker_consumer", "_fetch_records", "_commit", "highwater", "_seek_wait", "on_thread_stop"],
        ),
        (driver.Producer, ["_ensure_producer", "_settings_extra", "_new_producer"]),
        (
            driver.Consumer,
            [
                "_new_consumer_thread", "getmany", "perform_seek", "on_partitions_revoked", "_wait_next_records",
                "_get_active_partitions", "_add_gap", "_new_offset", "seek_wait", "assignment", "highwater",
                "_filter_tps_with_pending_acks", "_should_commit",
            ],
        ),
    ],
)  # fmt: skip
def test_methods_are_there(owner: type, names: list[str]) -> None:
    assert [name for name in names if not callable(getattr(owner, name, None))] == []


@pytest.mark.parametrize(
    ("constructor", "names"),
    [
        (fetcher.Fetcher.__init__, ["_client", "_records", "_subscriptions", "_wait_consume_future", "_closed"]),
        (fetcher.FetchResult.__init__, ["_partition_records"]),
        (fetcher.PartitionRecords.__init__, ["_records", "_check_crcs", "_records_iterator", "next_fetch_offset"]),
        (AIOKafkaConsumer.__init__, ["_client", "_fetcher", "_closed", "_fetch_max_wait_ms"]),
        (
            faust_consumer.Consumer.__init__,
            ["_acked", "_acked_index", "_read_offset", "_committed_offset"],
        ),
        (faust_consumer.ThreadDelegateConsumer.__init__, ["_thread"]),
    ],
)
def test_attributes_are_set(constructor: Any, names: list[str]) -> None:
    assert set(names) <= _attributes_set_in(constructor)


def test_the_fetcher_asks_the_client_that_the_consumer_gave_it() -> None:
    """KeepingClient stands there: it is given to the fetcher at the start, and sees each fetch before the fetcher."""
    assert "Fetcher(\n            self._client," in inspect.getsource(AIOKafkaConsumer.start)
    assert "response = await self._client.send(node_id, request)" in inspect.getsource(
        fetcher.Fetcher._proc_fetch_request
    )


@pytest.mark.parametrize("version", range(12))
def test_the_response_to_a_fetch_names_the_partition_first_and_its_records_last(version: int) -> None:
    response = getattr(fetch, f"FetchResponse_v{version}")
    fields = dict(zip(response.SCHEMA.names, response.SCHEMA.fields, strict=True))
    partitions = fields["topics"].array_of.fields[1].array_of
    assert (partitions.names[0], partitions.names[-1]) == ("partition", "message_set")


def test_faust_reads_its_offset_mark_through_the_mapping_that_we_replace() -> None:
    source = inspect.getsource(faust_consumer.Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in source
    assert "set_read_offset = self._read_offset.__setitem__" in source
    assert "r_offset is None or offset >= r_offset" in source


def test_a_rebalance_ends_with_a_seek_and_a_flag() -> None:
    source = inspect.getsource(Recovery._resume_streams)
    assert source.index("consumer.perform_seek()") < source.index("app.flow_control.resume()")
    assert source.index("app.flow_control.resume()") < source.index("app.on_rebalance_end()")
    assert "self.rebalancing = True" in inspect.getsource(App.on_rebalance_start)
    assert "self.rebalancing = False" in inspect.getsource(App.on_rebalance_end)


def test_a_commit_follows_the_flushed_producer_and_the_new_offset() -> None:
    source = inspect.getsource(faust_consumer.Consumer._commit_offsets)
    assert source.index("self.app.producer.flush()") < source.index("self._commit(committable_offsets)")
    assert "self._new_offset(tp)" in inspect.getsource(faust_consumer.Consumer._filter_committable_offsets)


def test_a_consumer_that_stops_commits_by_its_thread() -> None:
    assert "await self.commit_and_end_transactions()" in inspect.getsource(faust_consumer.Consumer.on_stop)
    assert "await self._thread.commit(" in inspect.getsource(faust_consumer.ThreadDelegateConsumer)


def test_record_batches_give_what_the_transport_reads() -> None:
    """The C records themselves are handed to the stages."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 16_384)
    builder.append(0, timestamp=5, key=b"k", value=b"v", headers=[("h", b"1")])
    records = MemoryRecords(bytes(builder.build()))
    batch = records.next_batch()
    assert batch is not None
    assert not batch.is_control_batch
    assert batch.next_offset == 1
    assert batch.validate_crc()
    (record,) = list(batch)
    assert (record.offset, record.timestamp, record.key, record.value) == (0, 5, b"k", b"v")
    assert [tuple(header) for header in record.headers] == [("h", b"1")]
