"""Pipeline health: does every stage read, decide and make safe, and does ClickHouse take what it is given?"""

from __future__ import annotations

from deploy.dashboards.frame import Dashboard
from deploy.dashboards.panels import BAD, GOOD, WATCH, lines, number, rows, steps
from deploy.dashboards.queries import promql

PIPELINE = Dashboard(
    uid="tafol-pipeline",
    title="Tafol: pipeline health",
    about="What the workers say of themselves (docs/metrics.md); the rules that tell people are in deploy/prometheus.",
    prometheus=True,
    clickhouse=False,
    since="now-6h",
    refresh="30s",
    panels=(
        number(
            "Workers",
            "That run.",
            promql('sum(tafol_worker_state{state="running"}) or vector(0)'),
            levels=steps((None, BAD), (1, GOOD)),
        ),
        number(
            "Records behind",
            "All stages together.",
            promql("sum(max by (stage, topic, partition) (tafol_lag_records)) or vector(0)"),
        ),
        number(
            "Stages that wait",
            "For a register that is missing or old, or (the sink) for ClickHouse.",
            promql("sum(max by (stage) (tafol_waiting)) or vector(0)"),
            levels=steps((None, GOOD), (1, BAD)),
        ),
        number(
            "Rejected",
            "Share of what was read in the last hour.",
            promql(
                "sum(max by (topic, partition, reason) (increase(tafol_rejected_total[1h])))"
                " / (sum(max by (topic, partition) (increase(tafol_read_total[1h]))) > 0) or vector(0)"
            ),
            unit="percentunit",
            decimals=2,
            levels=steps((None, GOOD), (0.01, WATCH), (0.05, BAD)),
        ),
        number(
            "Inserts tried again",
            "In the last hour.",
            promql("sum(increase(tafol_sink_retries_total[1h])) or vector(0)"),
            levels=steps((None, GOOD), (1, WATCH), (20, BAD)),
        ),
        number(
            "Alerts firing",
            "Of Prometheus' rules, about the pipeline and about quality.",
            promql('count(ALERTS{alertstate="firing", alertname=~"Tafol.*"}) or vector(0)'),
            levels=steps((None, GOOD), (1, WATCH)),
        ),
        lines(
            "Records a second",
            "That each stage has worked on.",
            promql("sum by (stage) (rate(tafol_records_total[$__rate_interval]))", "{{stage}}"),
            unit="reqps",
        ),
        lines(
            "Records behind",
            "Records in the log that a stage has not read yet.",
            promql("sum by (stage) (max by (stage, topic, partition) (tafol_lag_records))", "{{stage}}"),
        ),
        lines(
            "Time for a chunk, 95th percentile",
            "Its outputs acknowledged by the broker.",
            promql(
                "histogram_quantile(0.95, sum by (stage, le) (rate(tafol_chunk_seconds_bucket[$__rate_interval])))",
                "{{stage}}",
            ),
            unit="s",
        ),
        lines(
            "Since something was made safe",
            "The oldest partition of each stage that has something to make safe.",
            promql(
                "max by (stage) (tafol_commit_age_seconds"
                " and (tafol_lag_records > 0 or tafol_next_offset > tafol_safe_offset))",
                "{{stage}}",
            ),
            unit="s",
        ),
        lines(
            "What became of the population, a minute",
            "Out of the counts in the log: right across restarts.",
            promql("60 * sum(max by (topic, partition) (rate(tafol_eligible_total[$__rate_interval])))", "eligible"),
            promql(
                "60 * sum(max by (topic, partition) (rate(tafol_selected_total[$__rate_interval])))",
                "selected at once",
                ref_id="B",
            ),
            promql(
                "60 * sum(max by (topic, partition, reason) (rate(tafol_excluded_total[$__rate_interval])))",
                "excluded",
                ref_id="C",
            ),
            promql(
                "60 * sum(max by (topic, partition, reason) (rate(tafol_rejected_total[$__rate_interval])))",
                "rejected",
                ref_id="D",
            ),
            promql(
                "60 * sum(max by (topic, partition) (rate(tafol_repeats_total[$__rate_interval])))",
                "repeats",
                ref_id="E",
            ),
        ),
        lines(
            "Sent by the stages, a second",
            "By topic.",
            promql("sum by (topic) (rate(tafol_outputs_total[$__rate_interval]))", "{{topic}}"),
            unit="reqps",
        ),
        lines(
            "Rows into ClickHouse, a second",
            "Repeats included.",
            promql("sum by (table) (rate(tafol_sink_rows_total[$__rate_interval]))", "{{table}}"),
            unit="rowsps",
        ),
        lines(
            "Time for an insert, 95th percentile",
            "Waits and further tries included.",
            promql(
                "histogram_quantile(0.95, "
                "sum by (table, le) (rate(tafol_sink_flush_seconds_bucket[$__rate_interval])))",
                "{{table}}",
            ),
            unit="s",
        ),
        lines(
            "Inserts tried again, by error",
            "In five minutes. Nothing is lost or stored twice by it.",
            promql("sum by (code) (increase(tafol_sink_retries_total[5m]))", "{{code}}"),
        ),
        lines(
            "Size of the largest snapshot",
            "By stage. It grows with what is open: windows, transactions, series.",
            promql("max by (stage) (tafol_snapshot_bytes)", "{{stage}}"),
            unit="bytes",
        ),
        lines(
            "Age of the registers",
            "Since each was read to its end. Above a minute stages stop deciding.",
            promql("min by (register) (tafol_register_age_seconds)", "{{register}}"),
            unit="s",
        ),
        lines(
            "Bytes a second",
            "Of the values that each stage has worked on.",
            promql("sum by (stage) (rate(tafol_bytes_total[$__rate_interval]))", "{{stage}}"),
            unit="Bps",
        ),
        rows(
            "Fields that are not known",
            "Sources that send more than they used to: names and how often.",
            promql(
                "sum by (topic, field) (max by (topic, partition, field) (tafol_unknown_fields_total)) > 0",
                instant=True,
            ),
            hidden=("Time",),
            span=12,
        ),
        lines(
            "Age of the figures from the tables",
            "Of review tasks and of what people did about alerts.",
            promql("min(tafol_tables_age_seconds)", "seconds"),
            unit="s",
            legend=False,
        ),
    ),
)
