"""The contestants: how each is started, how many events it gets, and what it reported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.main_path import workload
from bench.main_path.ground import Ground
from bench.main_path.meter import Run
from schemas.draw_number import threshold
from tafol.local.java import find_java
from tafol.local.process import Child

ROOT: Final = Path(__file__).parents[2]
JAVA_PROJECT: Final = ROOT / "bench" / "kafka_streams"
WITHIN_S: Final = 900.0
GRACE_S: Final = 10.0
BUILD_WITHIN_S: Final = 600.0
LINES_QUOTED: Final = 15


class Failed(Exception):
    """A contestant did not come to its end, or selected other calls than it should."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """`most_events`: slow ones get fewer, so that a pass takes seconds; None: all of them."""

    key: str
    title: str
    argv: Callable[[Ground, str, int], Sequence[str]]
    """(ground, topic for the selections, events) -> command; the topic's name serves as group id too."""
    most_events: int | None = None

    def events(self, given: int) -> int:
        return given if self.most_events is None else min(given, self.most_events)

    def run(self, ground: Ground, number: int, given: int) -> Run:
        """One pass on topics of its own. Raises Failed."""
        name = f"{self.key.replace('_', '-')}-{number}"
        events = self.events(given)
        ground.begin_afresh()
        ground.make_topic(name)
        try:
            run = run_measured(self.argv(ground, name, events), ground.folder / f"{name}.log")
        finally:
            ground.delete_topic(name)
        wanted = ground.selected_among(events)
        if (run.events, run.selected) != (events, wanted):
            raise Failed(
                f"{self.title} read {run.events:,} and selected {run.selected:,}; {events:,} and {wanted:,} were right"
            )
        return run


def run_measured(argv: Sequence[str], console: Path) -> Run:
    """Run a program that reports a `Run` as a line of its output. Raises Failed."""
    child = Child(list(argv), folder=ROOT, console=console)
    ended = child.ended.wait(WITHIN_S)
    child.stop(GRACE_S)
    lines = console.read_text("utf-8", "replace").splitlines()
    reports = [line for line in lines if line.startswith('{"events": ')]
    if not ended or child.exit_code != 0 or len(reports) != 1:
        last = "\n".join(line[:300] for line in lines[-LINES_QUOTED:])
        raise Failed(f"{' '.join(argv[:4])} ... ended with {child.exit_code}:\n{last}")
    return Run.read(reports[0])


def _product(*options: str) -> Callable[[Ground, str, int], Sequence[str]]:
    def argv(ground: Ground, _target: str, events: int) -> Sequence[str]:
        return [sys.executable, "-m", "bench.main_path.product", str(ground.folder), str(events), *options]

    return argv


def _peer(module: str) -> Callable[[Ground, str, int], Sequence[str]]:
    def argv(ground: Ground, target: str, events: int) -> Sequence[str]:
        program = f"bench.main_path.peers.{module}"
        return [sys.executable, "-m", program, ground.bootstrap, target, target, str(events)]

    return argv


def _kafka_streams(ground: Ground, target: str, events: int) -> Sequence[str]:
    strata = ground.folder / "strata.txt"
    strata.write_text("".join(f"{team} {stratum}\n" for team, stratum in workload.stratum_of_team().items()))
    built = JAVA_PROJECT / "target"
    classes = f"{built / 'sample.jar'}:{built / 'lib'}/*"
    frame = (workload.FRAME_ID, str(workload.FRAME_VERSION), workload.SEED_HEX, str(threshold(workload.RATE)))
    return [
        str(find_java(None).program), "-Xmx1g", "-cp", classes, "bench.Sample",
        ground.bootstrap, target, workload.SOURCE, target, str(events), *frame, str(ground.folder / target),
        str(strata),
    ]  # fmt: skip


def why_no_kafka_streams() -> str | None:
    """Build the Java program; None when it is there, else why it is left out, in words."""
    if shutil.which("mvn") is None:
        return "Maven (mvn) is not installed"
    try:
        built = subprocess.run(
            ["mvn", "-q", "-B", "package"], cwd=JAVA_PROJECT, capture_output=True, text=True, timeout=BUILD_WITHIN_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"Maven took more than {BUILD_WITHIN_S:.0f} s"
    if built.returncode == 0:
        return None
    said = [line for line in built.stdout.splitlines() if "ERROR" in line]
    return f"Maven could not build it: {said[0] if said else 'no word why'}"


PRODUCT: Final = Contestant("product", "Tafol, the sample stage with everything on", _product("--sample-alone"))
ROLE: Final = Contestant("product_role", "Tafol, the whole sampling role", _product())
WITHOUT_DECIDED: Final = Contestant(
    "product_without_decided",
    "Tafol, the sample stage without its line for each call",
    _product("--sample-alone", "--without-decided"),
)
ONE_BY_ONE: Final = Contestant(
    "product_one_by_one",
    "Tafol, the sample stage without its compiled half",
    _product("--sample-alone", "--one-by-one"),
)
FAUST_DOCS: Final = Contestant("faust_docs", "Faust as its docs teach", _peer("faust_docs"), 40_000)
CONFLUENT: Final = Contestant("confluent", "confluent-kafka loop, tuned", _peer("confluent"))
QUIX: Final = Contestant("quix", "Quix Streams", _peer("quix"), 200_000)
KAFKA_STREAMS: Final = Contestant("kafka_streams", "Kafka Streams (Java)", _kafka_streams)
ALL: Final = (PRODUCT, FAUST_DOCS, CONFLUENT, QUIX, KAFKA_STREAMS, ROLE, WITHOUT_DECIDED, ONE_BY_ONE)
