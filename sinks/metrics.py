"""Every Prometheus metric of Tafol, declared once; docs/metrics.md is made from this table.

`Metrics` is what a running stage, the sink and the registers tell: it fits `streams.observer.Observer` and
`sinks.writer.SinkObserver` by its methods, and keeps everything in a CollectorRegistry of its own.

The counts of the population (`from_log`) come out of the log with the records `read-counts`: absolute values, right
across restarts and repeats. While a partition moves between workers both may show it: take the max by topic and
partition before a sum.

Gauges that are asked for (`source` "asked") are made anew at every scrape from what is true then, so none of them can
outlive what it tells of: a worker that restarts or takes a partition over shows at once what the state it read says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from schemas.catalogue import READ_COUNTS
from schemas.detector import DIMENSIONS

WorkerState = Literal["starting", "running", "waiting", "stopping"]
WORKER_STATES: Final[tuple[WorkerState, ...]] = ("starting", "running", "waiting", "stopping")
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the histograms' buckets: a chunk takes tens of milliseconds, a flush up to seconds."""


class Metric(NamedTuple):
    """One metric. A counter's name ends in _total.

    source: "told" by the parts of a worker as they work; "log", the log's own absolute count; "asked" for when somebody
    looks (`Metrics.show`).
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    help: str
    source: Literal["told", "log", "asked"] = "told"


class Sample(NamedTuple):
    """One value of a gauge that is asked for. `labels`: values, in the order in which the metric declares them."""

    metric: str
    labels: tuple[str, ...]
    value: float


_PLACE: Final = ("stage", "topic", "partition")
METRICS: Final[tuple[Metric, ...]] = (
    Metric("tafol_records_total", "counter", "records", _PLACE, "Records that a stage has worked on."),
    Metric("tafol_bytes_total", "counter", "bytes", _PLACE, "Bytes of the values that a stage has worked on."),
    Metric("tafol_outputs_total", "counter", "records", ("stage", "topic"), "Records that a stage has sent, by topic."),
    Metric("tafol_chunk_seconds", "histogram", "seconds", ("stage",), "Time for one chunk, its outputs acknowledged."),
    Metric("tafol_lag_records", "gauge", "records", _PLACE, "Records in the log that a stage has not read yet."),
    Metric("tafol_next_offset", "gauge", "offset", _PLACE, "The offset that a stage reads next."),
    Metric(
        "tafol_commit_age_seconds", "gauge", "seconds", _PLACE,
        "Time since a position was last made safe (snapshot or sink position). Matters only while there is lag.",
    ),
    Metric("tafol_safe_offset", "gauge", "offset", _PLACE, "The offset below which all is done for good."),
    Metric("tafol_snapshot_bytes", "gauge", "bytes", _PLACE, "Size of the last snapshot."),
    Metric("tafol_waiting", "gauge", "0 or 1", ("stage",), "1 while a stage waits for a register or for ClickHouse."),
    Metric("tafol_register_age_seconds", "gauge", "seconds", ("register",), "Time since a register was read in full."),
    Metric("tafol_worker_state", "gauge", "0 or 1", ("state",), "1 for the state that the worker is in."),
    Metric("tafol_read_total", "counter", "records", ("topic", "partition"), "Source records read.", "log"),
    Metric("tafol_repeats_total", "counter", "records", ("topic", "partition"), "Repeats, which count once.", "log"),
    Metric(
        "tafol_rejected_total", "counter", "records", ("topic", "partition", "reason"),
        "Source records kept aside because they cannot be used, by reason.", "log",
    ),
    Metric(
        "tafol_excluded_total", "counter", "transactions", ("topic", "partition", "reason"),
        "Valid transactions that may not be reviewed, by reason.", "log",
    ),
    Metric("tafol_eligible_total", "counter", "transactions", ("topic", "partition"), "Eligible transactions.", "log"),
    Metric("tafol_selected_total", "counter", "transactions", ("topic", "partition"), "Transactions selected.", "log"),
    Metric(
        "tafol_unknown_fields_total", "counter", "records", ("topic", "partition", "field"),
        "Source records with a field that is not known, by its name (at most 100 names).", "log",
    ),
    Metric("tafol_sink_rows_total", "counter", "rows", ("table",), "Rows inserted into ClickHouse, repeats included."),
    Metric("tafol_sink_flush_seconds", "histogram", "seconds", ("table",), "Time for one insert, waits included."),
    Metric(
        "tafol_sink_retries_total", "counter", "inserts", ("code",),
        "Inserts to be tried again, by ClickHouse's name of the error, or 'no answer'.",
    ),
    Metric(
        "tafol_quality_alert_active", "gauge", "0 or 1", ("series", *DIMENSIONS),
        "1 while a series that detection watches has an open alert, else 0.", "asked",
    ),
    Metric(
        "tafol_quality_alert_since_seconds", "gauge", "seconds since 1970", ("series",),
        "End of the first transaction of the run of reviews that speaks most strongly for the drop.", "asked",
    ),
    Metric(
        "tafol_quality_alert_reference_points", "gauge", "points, 0 to 100", ("series",),
        "What the reviews of an open alert were held to: the references, less the tolerance.", "asked",
    ),
    Metric(
        "tafol_quality_alert_mean_points", "gauge", "points, 0 to 100", ("series",),
        "What the reviews of an open alert came to on average.", "asked",
    ),
    Metric(
        "tafol_quality_alert_reviews", "gauge", "reviews", ("series",), "Reviews that an open alert rests on.", "asked",
    ),
    Metric(
        "tafol_quality_alert_status", "gauge", "0 or 1", ("series", "status"),
        "1 for what people did about an open alert: open, acknowledged or resolved (from the tables).", "asked",
    ),
    Metric("tafol_tasks_waiting", "gauge", "tasks", ("queue",), "Review tasks without an outcome.", "asked"),
    Metric(
        "tafol_tasks_overdue", "gauge", "tasks", ("queue",), "Review tasks without an outcome past their due time.",
        "asked",
    ),
    Metric(
        "tafol_tasks_due", "gauge", "tasks", ("queue", "outcome"),
        "Review tasks of the last 28 days' due times, by outcome ('awaiting' where there is none). "
        "The response rate is the share of submitted.", "asked",
    ),
    Metric(
        "tafol_tables_age_seconds", "gauge", "seconds", (),
        "Time since the figures from the tables were read; those of tasks and of people's actions are as old.", "asked",
    ),
)  # fmt: skip


class Place(Protocol):
    """One partition of one topic."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


class Sent(Protocol):
    """One record that a stage gave."""

    @property
    def topic(self) -> str: ...
    @property
    def value(self) -> bytes | None: ...


class Metrics:
    """All metrics of one worker. Methods are cheap, and safe from any thread.

    `monotonic_s`: the clock of ages, in seconds.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self._monotonic_s = monotonic_s
        self._log = _CountsFromLog()
        self.registry.register(self._log)
        self._asked = _AskedFor()
        self.registry.register(self._asked)
        self._made: dict[str, Any] = {
            metric.name: _made(metric, self.registry) for metric in METRICS if metric.source == "told"
        }

    def show(self, ask: Callable[[], Iterable[Sample]]) -> None:
        """From now on `ask` is called whenever somebody looks, in the thread that serves them, and its samples shown.

        It is quick and never raises; its metrics are declared with source "asked".
        """
        self._asked.asks.append(ask)

    def chunk_done(self, stage: str, source: Place, records: int, size_bytes: int, seconds: float) -> None:
        """A chunk was worked on and its outputs are with the broker."""
        place = _labels(stage, source)
        self._made["tafol_records_total"].labels(*place).inc(records)
        self._made["tafol_bytes_total"].labels(*place).inc(size_bytes)
        self._made["tafol_chunk_seconds"].labels(stage).observe(seconds)

    def outputs(self, stage: str, outputs: Sequence[Sent]) -> None:
        """Records that a chunk gave, in order. The counts of the population among them are taken over."""
        by_topic: dict[str, int] = {}
        for output in outputs:
            by_topic[output.topic] = by_topic.get(output.topic, 0) + 1
            if output.topic == READ_COUNTS and output.value is not None:
                self._log.read_counts(output.value)
        for topic, records in by_topic.items():
            self._made["tafol_outputs_total"].labels(stage, topic).inc(records)

    def snapshot(self, stage: str, source: Place, size_bytes: int, next_offset: int) -> None:
        """A snapshot is with the broker: all below `next_offset` is done."""
        self._made["tafol_snapshot_bytes"].labels(*_labels(stage, source)).set(size_bytes)
        self.committed(stage, source, next_offset)

    def committed(self, stage: str, source: Place, next_offset: int) -> None:
        """All below `next_offset` is done for good: a snapshot of a stage, or a row of the sink's positions."""
        self._made["tafol_safe_offset"].labels(*_labels(stage, source)).set(next_offset)
        at_s, now_s = self._monotonic_s(), self._monotonic_s
        self._made["tafol_commit_age_seconds"].labels(*_labels(stage, source)).set_function(lambda: now_s() - at_s)

    def position(self, stage: str, source: Place, next_offset: int, log_end: int) -> None:
        """How far the stage has read, and how far the log goes."""
        place = _labels(stage, source)
        self._made["tafol_next_offset"].labels(*place).set(next_offset)
        self._made["tafol_lag_records"].labels(*place).set(max(0, log_end - next_offset))

    def waiting(self, stage: str, reason: str | None) -> None:
        """The stage does not decide; None: it goes on. The reason goes to the log, not into a label."""
        self._made["tafol_waiting"].labels(stage).set(reason is not None)

    def released(self, stage: str, source: Place) -> None:
        """The partition went to another worker: what is said of it here would be stale."""
        place = _labels(stage, source)
        for metric in METRICS:
            if metric.kind == "gauge" and metric.source == "told" and metric.labels == _PLACE:
                self._made[metric.name].remove(*place)
        self._log.forget(source.topic, source.partition)

    def register_read(self, register: str) -> None:
        """A register was read to its end."""
        at_s, now_s = self._monotonic_s(), self._monotonic_s
        self._made["tafol_register_age_seconds"].labels(register).set_function(lambda: now_s() - at_s)

    def worker_state(self, state: WorkerState) -> None:
        """The worker went over to `state`."""
        for known in WORKER_STATES:
            self._made["tafol_worker_state"].labels(known).set(known == state)

    def sink_flushed(self, table: str, rows: int, seconds: float) -> None:
        """Rows of one batch are in a table."""
        self._made["tafol_sink_rows_total"].labels(table).inc(rows)
        self._made["tafol_sink_flush_seconds"].labels(table).observe(seconds)

    def sink_retry(self, code: str) -> None:
        """An insert is to be tried again."""
        self._made["tafol_sink_retries_total"].labels(code).inc()


def metrics_markdown() -> str:
    """The text of docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Made from `sinks/metrics.py`; a test keeps it current. Every worker shows them at `/metrics`.",
        "",
        "Metrics marked *log* are absolute counts that come out of the log itself: right across restarts. While a",
        "partition moves between workers both may show it, so take `max by (topic, partition)` before a sum.",
        "",
        "| name | type | unit | labels | meaning |",
        "|---|---|---|---|---|",
    ]
    for metric in METRICS:
        kind = f"{metric.kind}, *log*" if metric.source == "log" else metric.kind
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        lines.append(f"| `{metric.name}` | {kind} | {metric.unit} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"


class _ReadCount(msgspec.Struct):
    """What the metrics need of schemas.counts.ReadCount."""

    topic: str
    partition: int
    read: int
    repeats: int
    rejected: dict[str, int]
    excluded: dict[str, int]
    eligible: int
    selected: int
    unknown_fields: dict[str, int]

    def by_metric(self) -> Iterator[tuple[str, str | None, int]]:
        """(metric, value of its third label or None, count)"""
        yield "tafol_read_total", None, self.read
        yield "tafol_repeats_total", None, self.repeats
        yield "tafol_eligible_total", None, self.eligible
        yield "tafol_selected_total", None, self.selected
        for metric, counts in (
            ("tafol_rejected_total", self.rejected),
            ("tafol_excluded_total", self.excluded),
            ("tafol_unknown_fields_total", self.unknown_fields),
        ):
            for label, count in counts.items():
                yield metric, label, count


class _CountsFromLog(Collector):
    """Counters whose value is what the log says, not what this process has seen."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_ReadCount)
        self._latest: dict[tuple[str, int], _ReadCount] = {}

    def read_counts(self, value: bytes) -> None:
        counts = self._decoder.decode(value)
        self._latest[counts.topic, counts.partition] = counts

    def forget(self, topic: str, partition: int) -> None:
        self._latest.pop((topic, partition), None)

    def describe(self) -> Iterable[Family]:
        return [_family(metric) for metric in METRICS if metric.source == "log"]

    def collect(self) -> Iterable[Family]:
        families = {metric.name: _family(metric) for metric in METRICS if metric.source == "log"}
        for counts in list(self._latest.values()):
            for name, label, count in counts.by_metric():
                labels = [counts.topic, str(counts.partition), *([] if label is None else [label])]
                families[name].add_metric(labels, count)
        return families.values()


class _AskedFor(Collector):
    """Gauges that nobody keeps."""

    def __init__(self) -> None:
        self.asks: list[Callable[[], Iterable[Sample]]] = []

    def collect(self) -> Iterable[Family]:
        families = {
            metric.name: GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for metric in METRICS
            if metric.source == "asked"
        }
        for ask in self.asks:
            for sample in ask():
                families[sample.metric].add_metric(sample.labels, sample.value)
        return families.values()


def _family(metric: Metric) -> CounterMetricFamily:
    return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.help, metric.labels, registry=registry)
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=SECONDS)


def _labels(stage: str, source: Place) -> tuple[str, str, str]:
    return stage, source.topic, str(source.partition)
