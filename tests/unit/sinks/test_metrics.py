"""Metrics: all are declared once, shown under their names, and carry what they were told."""

import pytest
from prometheus_client import generate_latest

from schemas import catalogue as c
from sinks.metrics import METRICS, WORKER_STATES, Metrics, metrics_markdown
from sinks.writer import SinkObserver
from streams.observer import Observer
from streams.stage import Output, Partition
from tests.unit.sinks import records as r

pytestmark = pytest.mark.unit
PHONE = Partition("transactions.phone", 2)
PLACE = {"stage": "sample", "topic": "transactions.phone", "partition": "2"}


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(clock)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_it_is_what_stages_and_the_sink_talk_to(metrics: Metrics) -> None:
    stage: Observer = metrics  # mypy holds the signatures together
    sink: SinkObserver = metrics
    stage.waiting("route", None)
    sink.sink_retry("no answer")
    assert value(metrics, "tafol_waiting", stage="route") == 0
    assert value(metrics, "tafol_sink_retries_total", code="no answer") == 1


def test_names_are_unique_and_counters_end_in_total() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all((metric.kind == "counter") == metric.name.endswith("_total") for metric in METRICS)


def test_every_metric_is_shown_under_its_name_with_its_help(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    for metric in METRICS:
        name = metric.name
        assert f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n" in text


def test_every_metric_stands_in_the_docs() -> None:
    text = metrics_markdown()
    assert all(f"| `{metric.name}` |" in text for metric in METRICS)


def test_a_chunk_is_counted_and_timed(metrics: Metrics) -> None:
    metrics.chunk_done("sample", PHONE, 1000, 250_000, 0.04)
    metrics.chunk_done("sample", PHONE, 10, 2_500, 0.01)
    assert value(metrics, "tafol_records_total", **PLACE) == 1010
    assert value(metrics, "tafol_bytes_total", **PLACE) == 252_500
    assert value(metrics, "tafol_chunk_seconds_count", stage="sample") == 2


def test_what_became_of_the_population_is_what_the_log_says_not_what_was_seen(metrics: Metrics) -> None:
    def sent(**counts: object) -> list[Output]:
        return [Output(c.READ_COUNTS, None, r.read_count(partition=2, **counts).model_dump_json().encode(), [])]

    metrics.outputs("sample", sent(read=500, selected=20, eligible=480, excluded={"too_short": 20}))
    metrics.outputs("sample", sent(read=510, selected=21, eligible=490, excluded={"too_short": 20}))
    place = {"topic": "transactions.phone", "partition": "2"}
    assert value(metrics, "tafol_read_total", **place) == 510
    assert value(metrics, "tafol_selected_total", **place) == 21
    assert value(metrics, "tafol_excluded_total", **place, reason="too_short") == 20
    assert value(metrics, "tafol_outputs_total", stage="sample", topic=c.READ_COUNTS) == 2


def test_lag_and_the_age_of_what_is_safe(metrics: Metrics, clock: Clock) -> None:
    metrics.position("sample", PHONE, next_offset=70, log_end=100)
    metrics.snapshot("sample", PHONE, size_bytes=900, next_offset=60)
    clock.now_s += 7
    assert value(metrics, "tafol_lag_records", **PLACE) == 30
    assert value(metrics, "tafol_safe_offset", **PLACE) == 60
    assert value(metrics, "tafol_commit_age_seconds", **PLACE) == 7
    metrics.committed("sample", PHONE, 70)
    assert value(metrics, "tafol_commit_age_seconds", **PLACE) == 0


def test_a_partition_that_went_elsewhere_is_shown_no_longer(metrics: Metrics) -> None:
    metrics.position("sample", PHONE, 70, 100)
    metrics.snapshot("sample", PHONE, 900, 60)
    metrics.outputs("sample", [Output(c.READ_COUNTS, None, r.read_count(partition=2).model_dump_json().encode(), [])])
    metrics.released("sample", PHONE)
    metrics.released("sample", PHONE)
    assert 'partition="2"' not in generate_latest(metrics.registry).decode()


def test_waiting_and_the_state_of_the_worker(metrics: Metrics) -> None:
    metrics.waiting("sample", "no sampling frame is published")
    metrics.worker_state("waiting")
    assert value(metrics, "tafol_waiting", stage="sample") == 1
    assert [value(metrics, "tafol_worker_state", state=state) for state in WORKER_STATES] == [0, 0, 1, 0]
    metrics.waiting("sample", None)
    assert value(metrics, "tafol_waiting", stage="sample") == 0
    assert "frame" not in generate_latest(metrics.registry).decode().replace("frames", "")


def test_the_age_of_a_register(metrics: Metrics, clock: Clock) -> None:
    metrics.register_read("notices")
    clock.now_s += 31
    assert value(metrics, "tafol_register_age_seconds", register="notices") == 31


def test_the_sink(metrics: Metrics) -> None:
    metrics.sink_flushed("scores", 300, 0.2)
    metrics.sink_retry("no answer")
    assert value(metrics, "tafol_sink_rows_total", table="scores") == 300
    assert value(metrics, "tafol_sink_retries_total", code="no answer") == 1
    assert value(metrics, "tafol_sink_flush_seconds_count", table="scores") == 1


def test_two_workers_in_one_process_do_not_share(clock: Clock) -> None:
    one, other = Metrics(clock), Metrics(clock)
    one.sink_retry("no answer")
    assert value(other, "tafol_sink_retries_total", code="no answer") is None
