"""The benches' own words: what they take on the command line, and the shape of their last line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import latency, memory, scaling, sink
from bench.main_path import __main__ as main_path
from bench.main_path import report, workload
from bench.main_path.contestants import FAUST_DOCS, PRODUCT, Failed
from bench.main_path.meter import Run
from bench.main_path.product import Progress, read_progress
from schemas.draw_number import draw_numbers, threshold
from streams.sampling.decode import read_event
from tafol import clock

pytestmark = pytest.mark.unit


def run(seconds: float, cpu_s: float = 2.0) -> Run:
    return Run(events=1000, seconds=seconds, cpu_s=cpu_s, selected=50, peak_rss_mb=100.0)


def test_the_last_line_has_medians_and_the_products_ratio_to_each() -> None:
    runs = {"product": [run(1.0), run(2.0, 3.0), run(4.0, 9.0)], "confluent": [run(0.5)], "kafka_streams": []}
    said = json.loads(report.last_line(runs))
    assert said["events_per_s"] == {"product": 500, "confluent": 2000, "kafka_streams": None}
    assert said["cpu_s_per_million"] == {"product": 3000, "confluent": 2000, "kafka_streams": None}
    assert said["ratio"] == {"product": 1.0, "confluent": 0.25, "kafka_streams": None}


def test_the_table_says_who_was_left_out() -> None:
    lines = report.rows({"product": [run(1.0)], "kafka_streams": []}, {"product": "Tafol", "kafka_streams": "Java"})
    assert lines[0] == ("Tafol", "1", "1,000", "1,000 (1,000 to 1,000)", "2000.0", "100")
    assert lines[1][3] == "left out"


def test_a_run_is_read_from_the_line_that_a_contestant_prints() -> None:
    assert Run.read(json.dumps(run(1.0)._asdict())) == run(1.0)
    with pytest.raises(ValueError, match="not the report"):
        Run.read('{"events": 1}')


def test_quick_is_one_short_pass_and_slow_contestants_take_fewer_events() -> None:
    wanted = main_path.arguments(["--quick", "--only", "product,confluent"])
    assert (wanted.events, wanted.passes, wanted.only) == (100_000, 1, ["product", "confluent"])
    assert FAUST_DOCS.events(1_000_000) == 40_000
    assert PRODUCT.events(1_000_000) == 1_000_000


@pytest.mark.parametrize("given", [["--only", "confluent"], ["--only", "product,pulsar"], ["--events", "0"]])
def test_what_makes_no_comparison_is_refused(given: list[str]) -> None:
    with pytest.raises(SystemExit):
        main_path.arguments(given)


def test_marks_of_memory_are_read_from_the_first_snapshot_beyond_each() -> None:
    assert memory.arguments(["--millions", "5,1"]) == [1_000_000, 5_000_000]
    noted = [Progress(0.0, at, {"a[0]": covered}, peak) for at, covered, peak in [(1.0, 7, 90.0), (2.0, 11, 95.0)]]
    assert memory.peaks([5, 10], noted) == {"5": 90.0, "10": 95.0}


def test_scaling_counts_each_partition_once_when_it_changes_hands() -> None:
    first = [Progress(10.0, 11.0, {"a[0]": 5, "a[1]": 4}, 1.0)]
    second = [Progress(10.5, 12.0, {"a[1]": 4}, 1.0), Progress(10.5, 14.0, {"a[1]": 5}, 1.0)]
    assert scaling.seconds_for(10, [first, second]) == 4.0
    assert scaling.seconds_for(11, [first, second]) is None
    assert scaling.arguments(["--events", "9", "--sizes", "1,2"]) == (9, [1, 2])


def test_a_line_of_progress_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    assert read_progress(file) == []
    file.write_bytes(b'[1.0,2.0,{"a[0]":3},4.0]\n[1.0,2.')
    assert read_progress(file) == [Progress(1.0, 2.0, {"a[0]": 3}, 4.0)]


def test_the_sinks_last_line() -> None:
    assert json.loads(sink.last_line([1.0, 3.0, 2.0], [4.0])) == {
        "rows_per_s": {"sink": 2, "clickhouse": 4},
        "ratio": 0.5,
    }
    assert sink.arguments(["--quick"]) == (100_000, 1)


def test_latency_in_percentiles() -> None:
    assert latency.percentiles_ms([0.1] * 100) == {"p50_ms": 100.0, "p95_ms": 100.0, "p99_ms": 100.0}
    with pytest.raises(Failed):
        latency.percentiles_ms([])
    assert latency.arguments(["--rates", "10", "--seconds", "2"]) == ([10], 2.0)


def test_the_work_is_sound_and_every_contestant_draws_as_the_product_does() -> None:
    frame = workload.frame("card")
    assert len(frame.strata) == workload.STRATA
    decider = workload.Decider()
    for key, value in workload.events(200, clock.now):
        event, unknown = read_event(value)
        assert (event.id.encode(), unknown) == (key, ())
        stratum = decider.stratum_of[event.team_id]
        number = draw_numbers(frame.seed_bytes, frame.id, frame.version, stratum)(event.id)
        assert decider.selects_call(value) == (number < threshold(workload.RATE))
