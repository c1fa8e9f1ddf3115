"""A drop, from the reviews to a message: live workers, Prometheus, Alertmanager and whoever takes its webhook."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from schemas.series import ReferenceAgreed
from sinks.clickhouse import ClickHouseStore
from tafol import clock, places
from tafol.detect import agree
from tafol.local.process import Child, any_free_port
from tafol.stack import Stack
from tafol.status import Worker, workers
from tests.e2e.test_detection import points, send_reviews, stack, store, until
from tests.fixtures.debian import program

__all__ = ["stack", "store"]
pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(900)]

NORTH, SOUTH = "team=north", "team=south"
DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass
class Catcher:
    """Takes Alertmanager's messages."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def told(self, alert: str) -> list[tuple[str, str]]:
        """(status, series) of everything that was said of `alert`, in order."""
        return [
            (one["status"], one["labels"]["series"])
            for message in self.messages
            for one in message["alerts"]
            if one["labels"]["alertname"] == alert
        ]


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            caught.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    caught = Catcher(f"http://127.0.0.1:{server.server_address[1]}/tafol")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield caught
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def running(tmp_path: Path, name: str, argv: list[str], port: int) -> Iterator[str]:
    """A server of Debian's, ready, on the loopback address; its URL."""
    log, url = tmp_path / f"{name}.log", f"http://127.0.0.1:{port}"
    child = Child([*argv, f"--web.listen-address=127.0.0.1:{port}"], folder=tmp_path, console=log)
    try:
        while not _ready(url):
            assert not child.ended.wait(0.2), log.read_text()
        yield url
    finally:
        child.stop(10.0)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def alertmanager(tmp_path: Path, catcher: Catcher) -> Iterator[str]:
    """With the shipped file, but for how long it waits and where it posts."""
    binary = program("prometheus-alertmanager", "prometheus-alertmanager")
    written = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text())
    written["templates"] = [str(DEPLOY / "alertmanager/templates/*.tmpl")]
    for route in (written["route"], *written["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    for receiver in written["receivers"]:
        for way in ("email_configs", "slack_configs"):
            receiver.pop(way, None)
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = catcher.url
    file, port = tmp_path / "alertmanager.yml", any_free_port()
    file.write_text(yaml.safe_dump(written))
    argv = [binary, f"--config.file={file}", f"--storage.path={tmp_path}/alertmanager", "--cluster.listen-address="]
    with running(tmp_path, "alertmanager", argv, port) as url:
        yield url


@pytest.fixture
def prometheus(tmp_path: Path, stack: Stack, alertmanager: str) -> Iterator[str]:
    """With the shipped files, but for how often it looks and where."""
    binary = program("prometheus", "prometheus")
    written = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    written["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    written["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in written["rule_files"]]
    written["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
    [discovery] = written["scrape_configs"][0]["file_sd_configs"]
    assert discovery["files"][0].endswith("/run/prometheus/*.json")
    discovery |= {"files": [f"{places.runtime_dir(stack.settings)}/prometheus/*.json"], "refresh_interval": "1s"}
    file, port = tmp_path / "prometheus.yml", any_free_port()
    file.write_text(yaml.safe_dump(written))
    argv = [binary, f"--config.file={file}", f"--storage.tsdb.path={tmp_path}/prometheus"]
    with running(tmp_path, "prometheus", argv, port) as url:
        yield url


def asked(prometheus: str, query: str) -> dict[str, float]:
    """Value by series."""
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}).json()
    return {one["metric"].get("series", ""): float(one["value"][1]) for one in answer["data"]["result"]}


def scoring_worker(stack: Stack) -> Worker | None:
    """The one that lives."""
    return next((one for one in workers(places.runtime_dir(stack.settings)) if one.role == "scoring"), None)


def shown_by(prometheus: str, worker: Worker | None) -> dict[str, float]:
    """What `worker` shows of each series."""
    if worker is None:
        return {}
    return asked(prometheus, f'tafol_quality_alert_active{{instance="{worker.url.removeprefix("http://")}"}}')


def test_a_drop_is_delivered_survives_a_killed_worker_and_is_called_off(
    stack: Stack, store: ClickHouseStore, prometheus: str, catcher: Catcher
) -> None:
    def wait(what: str, holds: Callable[[], bool]) -> None:
        until(stack, what, holds)

    send_reviews(stack, 0, 120, {"north": 80, "south": 80})
    wait("the reference", lambda: points(store) == 120)
    wait("the series", lambda: asked(prometheus, "tafol_quality_alert_active") == {NORTH: 0, SOUTH: 0})
    assert catcher.told("TafolQualityDropped") == []

    send_reviews(stack, 120, 80, {"north": 80, "south": 10})
    wait("the message", lambda: catcher.told("TafolQualityDropped") != [])
    assert set(catcher.told("TafolQualityDropped")) == {("firing", SOUTH)}
    [first, *_] = [one for message in catcher.messages for one in message["alerts"] if one["labels"].get("series")]
    assert first["annotations"]["summary"] == f"Quality has dropped: {SOUTH}"
    assert first["annotations"]["description"].startswith("The last reviews came to ")
    wait("all points", lambda: points(store) == 200)

    killed = scoring_worker(stack)
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    wait("another worker", lambda: scoring_worker(stack) not in (None, killed))
    wait("what it knows of the log", lambda: shown_by(prometheus, scoring_worker(stack)) == {NORTH: 0, SOUTH: 1})
    assert set(catcher.told("TafolQualityDropped")) == {("firing", SOUTH)}

    agreed = ReferenceAgreed(
        agreement_id="a-1", series_id=SOUTH, agreed_by="m-evans", reason="as it is", agreed_at=clock.now()
    )
    agree.publish(stack.connection, agreed)
    wait("the end", lambda: catcher.told("TafolQualityDropped")[-1] == ("resolved", SOUTH))
    assert {series for _, series in catcher.told("TafolQualityDropped")} == {SOUTH}
