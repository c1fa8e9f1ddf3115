"""A tuned confluent-kafka loop: consume in bulk, decode three fields, draw, count, produce; commit once a second."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from typing import Final

from bench.main_path import clients
from bench.main_path.meter import Meter
from bench.main_path.workload import SOURCE, Decider, read_call

MOST_RECORDS: Final = 10_000
COMMIT_EVERY_S: Final = 1.0
LARGE_FETCHES: Final = {
    "fetch_min_bytes": 1024 * 1024,
    "fetch_wait_max_ms": 50,
    "fetch_message_max_bytes": 16 * 1024 * 1024,
    "fetch_max_bytes": 64 * 1024 * 1024,
    "queued_min_messages": 500_000,
    "queued_max_messages_kbytes": 512 * 1024,
}


def run(bootstrap: str, group: str, target: str, events: int) -> None:
    """Read `events` records and report."""
    gc.set_threshold(200_000, 20, 20)
    gc.freeze()
    meter, decider = Meter(), Decider()
    consumer = clients.consumer(bootstrap, group, **LARGE_FETCHES)
    producer = clients.producer(bootstrap, linger_ms=20, queue_buffering_max_messages=1_000_000)
    consumer.subscribe([SOURCE])
    stratum_of, selects = decider.stratum_of, decider.selects
    counts: Counter[str] = Counter()
    read = selected = covered = 0
    committed_s = time.monotonic()
    while read < events:
        messages = consumer.consume(MOST_RECORDS, 0.5)
        if not messages:
            continue
        meter.first()
        for message in messages:
            if message.error():
                raise RuntimeError(message.error())
            value = message.value()
            call = read_call(value)
            stratum = stratum_of[call.team_id]
            counts[stratum] += 1
            if selects(stratum, call.id):
                selected += 1
                producer.produce(target, value, message.key())
        read += len(messages)
        producer.poll(0)
        if time.monotonic() - committed_s > COMMIT_EVERY_S:
            producer.flush()
            consumer.commit(asynchronous=False)
            covered, committed_s = read, time.monotonic()
    producer.flush()
    if covered < read:
        consumer.commit(asynchronous=False)
    if counts.total() != read:
        raise RuntimeError("the counts do not add up")
    meter.done(read, selected)
    consumer.close()


if __name__ == "__main__":
    bootstrap, group, target, events = sys.argv[1:]
    run(bootstrap, group, target, int(events))
