"""Quix Streams as its documentation teaches: a dataframe over a JSON topic, a filter, and a topic to send to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from typing import Any

from quixstreams import Application

from bench.main_path.meter import Meter
from bench.main_path.workload import SOURCE, Decider


def run(bootstrap: str, group: str, target: str, events: int) -> None:
    """Read `events` records and report."""
    meter, decider = Meter(), Decider()
    counts: Counter[str] = Counter()
    read = selected = 0

    with tempfile.TemporaryDirectory() as state_dir:
        app = Application(
            broker_address=bootstrap,
            consumer_group=group,
            auto_offset_reset="earliest",
            loglevel="WARNING",
            state_dir=state_dir,
            use_changelog_topics=False,
            auto_create_topics=False,
        )
        source = app.topic(SOURCE, key_deserializer="bytes", value_deserializer="json")
        to = app.topic(target, key_serializer="bytes", value_serializer="json")

        def keep(call: dict[str, Any]) -> bool:
            nonlocal read, selected
            if read == events:
                return False
            meter.first()
            read += 1
            stratum = decider.stratum_of[call["team_id"]]
            counts[stratum] += 1
            drawn = decider.selects(stratum, call["id"])
            selected += drawn
            if read == events:
                app.stop()
            return drawn

        app.dataframe(source).filter(keep).to_topic(to)
        app.run()  # comes back when what was read is flushed and its offsets are committed
    if counts.total() != read:
        raise RuntimeError("the counts do not add up")
    meter.done(read, selected)


if __name__ == "__main__":
    bootstrap, group, target, events = sys.argv[1:]
    run(bootstrap, group, target, int(events))
    sys.stdout.flush()
    os._exit(0)
