"""Every panel's query by clickhouse-go, the driver of Grafana's ClickHouse data source, from the local ClickHouse.

The driver speaks HTTP in its own dialect (Native with block info, gzip): what clickhouse-connect can read proves
nothing of it. Needs Go and its module proxy; skipped by name where they are missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import centre
from tests.fixtures.clickhouse import ClickHouse
from tests.integration.test_dashboards import ASKED, LOOKS

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(900)]

PROGRAM = Path(__file__).parents[1] / "grafana_driver"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is missing: the data source's driver is a Go module")
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    fetched = subprocess.run(
        [go, "mod", "download"], cwd=PROGRAM, env=environment, capture_output=True, text=True, check=False
    )
    if fetched.returncode != 0:
        pytest.skip(f"Go's modules cannot be had: {fetched.stderr.strip().splitlines()[-1]}")
    made = tmp_path_factory.mktemp("go") / "reader"
    built = subprocess.run(
        [go, "build", "-o", made, "."], cwd=PROGRAM, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return made


def queries() -> Iterator[tuple[str, str]]:
    """(name, SQL) of every panel."""
    for one in ASKED:
        [asked] = one.values
        yield str(one.id), LOOKS.sql(asked.target["rawSql"], asked.dashboard)


def test_the_driver_reads_every_panel(clickhouse: ClickHouse, reader: Path) -> None:
    asked = dict(queries())
    database = centre.filled(clickhouse)
    run = subprocess.run(
        [reader],
        input="".join(json.dumps({"name": name, "sql": text}) + "\n" for name, text in asked.items()),
        env={
            "CLICKHOUSE_ADDRESS": f"{clickhouse.host}:{clickhouse.port}",
            "CLICKHOUSE_DATABASE": database,
            "CLICKHOUSE_USER": clickhouse.user,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    answers = {answer["name"]: answer for answer in map(json.loads, run.stdout.splitlines())}
    assert [answer for answer in answers.values() if answer.get("error")] == []
    assert run.returncode == 0, run.stderr
    assert answers.keys() == asked.keys()

    client = clickhouse.client(database)
    for name, text in asked.items():
        expected = client.query(text)
        types = dict(zip(expected.column_names, (kind.name for kind in expected.column_types), strict=True))
        assert (answers[name]["rows"], answers[name]["columns"]) == (expected.row_count, types), name
    client.close()
