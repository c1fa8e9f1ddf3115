"""`make bench-sink`: rows/s of the real sink against ClickHouse reading the same JSON lines from a file itself.

    python -m bench.sink [--rows 1500000] [--passes 3] [--quick]

The sink is `tafol worker --role sink` between a Kafka and the local ClickHouse, from its first chunk until the row in
`sink_positions` that covers the last one is there. The other is chDB alone in a process, the same tables, one
INSERT ... FROM INFILE. Interleaved passes, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from rich.console import Console

from bench.main_path import clients, workload
from bench.main_path.contestants import Failed, run_measured
from bench.main_path.ground import FLUSH_WITHIN_S, Ground, ground
from bench.main_path.meter import Meter
from schemas.catalogue import DECIDED
from sinks.clickhouse import INSERT_SETTINGS, ClickHouseStore
from sinks.migrate import migrate, migrations
from sinks.tables import TABLES
from streams.around_runner import Acknowledgeable
from streams.registers import Appended, Registers, Timeline
from streams.sampling.decided import NAMES
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from streams.topics import MAX_MESSAGE_BYTES
from tafol import clock, places, settings, worker
from tafol.local.clickhouse import ClickHouseConfig, LocalClickHouse
from tafol.local.process import any_free_port
from tafol.sink_runner import SinkRunner
from tafol.watch import Watch

CHUNK: Final = 10_000
KEY: Final = b"the key of the bench, which has 32 bytes or more"
DATABASE: Final = "tafol"
AS_WORKER, AS_CLICKHOUSE = "--as-worker", "--as-clickhouse"


class Wanted(NamedTuple):
    """What was asked for on the command line."""

    rows: int
    passes: int


def arguments(given: Sequence[str] | None = None) -> Wanted:
    """Rows and passes."""
    parser = argparse.ArgumentParser(prog="bench.sink", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="100,000 rows, one pass: a try")
    found = parser.parse_args(given)
    if found.rows < 1 or found.passes < 1:
        parser.error("at least one row and one pass")
    return Wanted(100_000, 1) if found.quick else Wanted(found.rows, found.passes)


def last_line(sink: Sequence[float], clickhouse: Sequence[float]) -> str:
    """Medians of rows per second, and the sink's over ClickHouse's own."""
    ours, own = median(sink), median(clickhouse)
    return json.dumps({"rows_per_s": {"sink": round(ours), "clickhouse": round(own)}, "ratio": round(ours / own, 3)})


def decided_records(rows: int) -> Iterator[Output]:
    """What the sample stage writes to `transactions.decided` for so many calls."""
    now = clock.now()
    registers = Registers(
        frames=Timeline.of("sampling frame", [Appended(workload.frame("card"), now)]),
        notices=Timeline.of("notices", [Appended(workload.notices(), now)]),
    )
    source = Partition(workload.SOURCE, 0)
    stage = SampleStage(Pseudonyms(KEY))
    state = stage.initial(source)
    calls = enumerate(workload.events(rows, clock.now))
    while batch := list(islice(calls, CHUNK)):
        appended_ms = int(clock.now().timestamp() * 1000)
        records = [PlainRecord(offset, appended_ms, key, value) for offset, (key, value) in batch]
        yield from (one for one in stage.step(state, Chunk(source, records), registers) if one.topic == DECIDED)


def fill(here: Ground, rows: int, lines: Path) -> int:
    """Send the records to Kafka and write their lines to a file; how many records there are."""
    producer = clients.producer(here.bootstrap, message_max_bytes=MAX_MESSAGE_BYTES)
    sent = 0
    with lines.open("wb") as file:
        for output in decided_records(rows):
            producer.produce(DECIDED, output.value, output.key, headers=output.headers, partition=0)
            file.write((output.value or b"").removeprefix(NAMES))
            sent += 1
            if producer.flush(FLUSH_WITHIN_S):
                raise Failed("the decided records could not be sent")
    return sent


def as_worker(data_dir: Path, records: int, rows: int) -> int:
    """Run the sink's worker until all `records` are stored; its exit code."""
    meter = Meter()

    class Runner(SinkRunner):
        async def process(self, event: Acknowledgeable) -> None:
            meter.first()
            await super().process(event)

    class Observer(Watch):
        def committed(self, stage: str, source: Partition, next_offset: int) -> None:
            super().committed(stage, source, next_offset)
            if (source.topic, next_offset) == (DECIDED, records):
                meter.done(rows, 0)
                os.kill(os.getpid(), signal.SIGTERM)

    replaced: dict[str, Any] = {"SinkRunner": Runner, "Watch": Observer}
    for name, part in replaced.items():
        setattr(worker, name, part)
    return worker.run("sink", settings.load(data_dir=data_dir))


def as_clickhouse(folder: Path, lines: Path, rows: int) -> int:
    """One insert of the file into the same tables, by chDB alone."""
    from chdb.state.sqlitelike import Connection  # noqa: PLC0415 - the engine loads for a second

    connection = Connection(str(folder))
    connection.query(f"CREATE DATABASE {DATABASE} ENGINE = Atomic")
    connection.query(f"USE {DATABASE}")
    for migration in migrations():
        for statement in migration.statements:
            connection.query(statement)
    chosen = ", ".join(f"{name} = '{value}'" for name, value in INSERT_SETTINGS.items())
    connection.query(f"SET {chosen}")
    columns = ", ".join(TABLES["transactions"].columns)
    meter = Meter()
    meter.first()
    connection.query(f"INSERT INTO transactions ({columns}) FROM INFILE '{lines}' FORMAT JSONCompactEachRow")
    meter.done(rows, 0)
    stored = connection.query("SELECT count() FROM transactions", "TSV").bytes()
    connection.close()
    return 0 if int(stored) == rows else 1


def sink_pass(here: Ground, records: int, rows: int) -> float:
    """Rows per second of the worker, into a ClickHouse begun afresh. Raises Failed."""
    folder = places.clickhouse_dir(here.settings)
    shutil.rmtree(folder, ignore_errors=True)
    with LocalClickHouse(ClickHouseConfig(folder, port=any_free_port())):
        store = ClickHouseStore.at(places.clickhouse_address(here.settings))
        try:
            migrate(store, clock.now)
            run = run_measured([*_program(AS_WORKER), str(here.folder), str(records), str(rows)], _log(here, "sink"))
            (found,) = store.ask("SELECT count() AS rows FROM transactions", {})
        finally:
            store.close()
    if int(str(found["rows"])) != rows:
        raise Failed(f"the sink stored {found['rows']} rows of {rows}")
    return run.events_per_s


def clickhouse_pass(here: Ground, lines: Path, rows: int) -> float:
    """Rows per second of chDB alone. Raises Failed."""
    folder = here.folder / f"alone-{time.monotonic_ns()}"
    run = run_measured([*_program(AS_CLICKHOUSE), str(folder), str(lines), str(rows)], _log(here, "clickhouse"))
    shutil.rmtree(folder)
    return run.events_per_s


def _program(part: str) -> list[str]:
    return [sys.executable, "-m", "bench.sink", part]


def _log(here: Ground, name: str) -> Path:
    return here.folder / f"{name}.log"


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    wanted = arguments(given)
    console = Console(stderr=True, width=140)
    sink: list[float] = []
    own: list[float] = []
    try:
        with console.status("starting Kafka") as status, ground() as here:
            status.update(f"deciding {wanted.rows:,} transactions")
            lines = here.folder / "lines.jsonl"
            records = fill(here, wanted.rows, lines)
            console.print(
                f"{wanted.rows:,} rows in {records} records, {lines.stat().st_size / wanted.rows:.0f} bytes each"
            )
            for number in range(1, wanted.passes + 1):
                status.update(f"pass {number} of {wanted.passes}")
                sink.append(sink_pass(here, records, wanted.rows))
                own.append(clickhouse_pass(here, lines, wanted.rows))
                console.print(f"pass {number}  sink {sink[-1]:>9,.0f} rows/s  ClickHouse alone {own[-1]:>9,.0f} rows/s")
    except Failed as failure:
        console.print(f"The bench failed: {failure}", markup=False)
        return 1
    print(last_line(sink, own))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == [AS_WORKER]:
        sys.exit(as_worker(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    if sys.argv[1:2] == [AS_CLICKHOUSE]:
        sys.exit(as_clickhouse(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
    sys.exit(main())
