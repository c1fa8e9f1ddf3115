"""Faust as its documentation teaches: a Record, an agent, a Table, `await topic.send` for what is selected."""

from __future__ import annotations

import asyncio
import sys
import tempfile

import faust

from bench.main_path.meter import Meter
from bench.main_path.workload import SOURCE, Decider


class CustomerNotice(faust.Record):
    notice_id: str
    how: str
    at: str


class MonitoringNotice(faust.Record):
    customer: CustomerNotice
    colleague: str


class Call(faust.Record, serializer="json"):
    id: str
    channel: str
    colleague_id: str
    team_id: str
    site: str
    topic: str
    started_at: str
    ended_at: str
    language: str
    customer_ref: str
    outcome: str
    monitoring_notice: MonitoringNotice


async def run(bootstrap: str, group: str, target: str, events: int, data_dir: str) -> None:
    """Read `events` records and report."""
    meter, decider, finished = Meter(), Decider(), asyncio.Event()
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        topic_partitions=1,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        datadir=data_dir,
    )
    source = app.topic(SOURCE, value_type=Call, key_type=bytes)
    to = app.topic(target, value_type=Call, key_type=bytes)
    counts = app.Table("counts", default=int, partitions=1)
    read = selected = 0

    async def sample(calls: faust.StreamT[Call]) -> None:
        nonlocal read, selected
        async for call in calls:
            if finished.is_set():
                continue
            meter.first()
            read += 1
            stratum = decider.stratum_of[call.team_id]
            counts[stratum] += 1
            if decider.selects(stratum, call.id):
                selected += 1
                await to.send(key=call.id.encode(), value=call)
            if read == events:
                await app.producer.flush()
                meter.done(read, selected)
                finished.set()

    app.agent(source, name="sample")(sample)
    await app.start()
    await finished.wait()
    await app.stop()


if __name__ == "__main__":
    bootstrap, group, target, events = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(bootstrap, group, target, int(events), folder))
