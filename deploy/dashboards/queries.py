"""Queries of panels and variables: ClickHouse by the official data source (grafana-clickhouse-datasource), Prometheus.

Which servers they go to is a variable of each dashboard, so that the files can be imported anywhere.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

CLICKHOUSE_PLUGIN: Final = "grafana-clickhouse-datasource"
CLICKHOUSE: Final = DataSourceRef(type_val=CLICKHOUSE_PLUGIN, uid="${clickhouse}")
PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="${prometheus}")
TIME_SERIES, TABLE = "timeseries", "table"
FORMATS: Final = {TIME_SERIES: 0, TABLE: 1}
"""The plugin's numbers; `timeseries` turns text columns into labels, one series for each."""


@dataclass(frozen=True)
class SqlQuery(Dataquery):
    """One query in the form that the ClickHouse data source keeps."""

    sql: str
    form: str
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "format": FORMATS[self.form],
            "queryType": self.form,
            "rawSql": self.sql,
            "refId": self.ref_id,
        }


@dataclass(frozen=True)
class Sql(Builder[Dataquery]):
    """A panel's query of ClickHouse; indentation that all lines share goes. `time` is the first column of a series."""

    text: str
    form: str = TABLE
    ref_id: str = "A"

    def build(self) -> Dataquery:
        return SqlQuery(textwrap.dedent(self.text).strip(), self.form, self.ref_id)


def promql(expr: str, legend: str = "", *, ref_id: str = "A", instant: bool = False) -> prometheus.Dataquery:
    """A panel's query of Prometheus. `instant`: as of now, as rows of a table."""
    query = prometheus.Dataquery().datasource(PROMETHEUS).expr(expr).legend_format(legend).ref_id(ref_id)
    return query.instant().format(PromQueryFormat.TABLE) if instant else query.range()
