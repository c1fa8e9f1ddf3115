"""The API of the desk: schemathesis over its OpenAPI, a tool's whole way, and what each token may not do."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from desk.app import create_app
from desk.web.settings import WebSettings
from tests.fixtures.desk import DeskForTests, make_task

pytestmark = pytest.mark.postgresql
CSRF_KEY = hashlib.sha256(b"test").digest()
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SUBMITTED = {
    "ratings": [
        {"criterion": "greeting", "value": 1, "marks": [{"line": 1, "note": "here"}]},
        {"criterion": "answer", "value": 3},
        {"criterion": "identity", "value": 1},
    ],
    "strengths": ["Listened"],
    "development_points": ["Sum up"],
    "time_spent_s": 61,
}


class Client:
    """Requests without a server."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("GET", path, options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("POST", path, options))

    def put(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("PUT", path, options))

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
            return await client.request(method, path, **options)


@pytest.fixture
def client(any_desk: DeskForTests) -> Client:
    return Client(create_app(any_desk.desk, WebSettings(csrf_key=CSRF_KEY)))


def token(desk: DeskForTests, login: str = "ann", *scopes: str) -> dict[str, str]:
    wanted = scopes or ("queue.read", "review.write", "review.read")
    issued = desk.desk.people.issue_token(desk.person(login), "tool", wanted)  # type: ignore[arg-type]
    return {"Authorization": f"Bearer {issued.secret}"}


def test_a_tools_whole_way(any_desk: DeskForTests, client: Client) -> None:
    any_desk.add(make_task())
    ann = token(any_desk)
    (queue,) = client.get("/api/v1/queues", headers=ann).json()
    assert (queue["queue"], queue["ready"]) == ("chat", 1)
    form = client.post("/api/v1/queues/chat/claim", headers=ann).json()
    number, lease = form["task"]["number"], form["lease"]["token"]
    assert client.post(f"/api/v1/tasks/{number}/heartbeat", headers=ann, json={"token": lease}).status_code == 200
    draft = {"token": lease, "draft": {"ratings": SUBMITTED["ratings"][:1]}}  # type: ignore[index]
    saved = client.put(f"/api/v1/tasks/{number}/draft", headers=ann, json=draft).json()
    assert saved["preview"]["missing"] == ["answer", "identity"]
    incomplete = client.post(f"/api/v1/tasks/{number}/submit", headers=ann, json=draft)
    assert incomplete.status_code == 422
    assert {one["field"] for one in incomplete.json()["problems"]} >= {"ratings.answer", "strengths"}
    sent = {"token": lease, "draft": SUBMITTED}
    first, again = (client.post(f"/api/v1/tasks/{number}/submit", headers=ann, json=sent).json() for _ in range(2))
    assert (first["repeated"], again["repeated"]) == (False, True)
    (recent,) = client.get("/api/v1/reviews", headers=ann).json()
    assert recent["total_0_100"] == pytest.approx(first["total_0_100"])
    full = client.get(f"/api/v1/reviews/{number}", headers=ann).json()
    assert full["ratings"][0]["marks"] == [{"at_s": None, "line": 1, "note": "here"}]
    corrected = {"draft": {**SUBMITTED, "strengths": ["Listened well"]}, "reason": "a word"}
    assert client.post(f"/api/v1/reviews/{number}/correct", headers=ann, json=corrected).json()["revision"] == 1
    assert client.post("/api/v1/queues/chat/claim", headers=ann).status_code == 204


def test_nobody_works_with_anothers_task_or_review(any_desk: DeskForTests, client: Client) -> None:
    any_desk.add(make_task())
    ann, ben = token(any_desk, "ann"), token(any_desk, "ben")
    form = client.post("/api/v1/queues/chat/claim", headers=ann).json()
    number, lease = form["task"]["number"], form["lease"]["token"]
    under = {"token": lease}
    assert client.get(f"/api/v1/tasks/{number}", headers=ben).status_code == 404
    assert client.post(f"/api/v1/tasks/{number}/claim", headers=ben).json()["code"] == "leased"
    for what, body in {
        "heartbeat": under,
        "return": under,
        "skip": {**under, "reason": "x"},
        "submit": {**under, "draft": SUBMITTED},
    }.items():
        assert client.post(f"/api/v1/tasks/{number}/{what}", headers=ben, json=body).status_code == 404
    client.post(f"/api/v1/tasks/{number}/submit", headers=ann, json={**under, "draft": SUBMITTED})
    assert client.get(f"/api/v1/reviews/{number}", headers=ben).status_code == 404
    assert client.get("/api/v1/reviews", headers=ben).json() == []


def test_a_lost_lease_has_its_code_and_keeps_the_draft(any_desk: DeskForTests, client: Client) -> None:
    any_desk.add(make_task())
    ann, ben = token(any_desk, "ann"), token(any_desk, "ben")
    form = client.post("/api/v1/queues/chat/claim", headers=ann).json()
    number, lease = form["task"]["number"], form["lease"]["token"]
    any_desk.pass_time(minutes=16)
    client.post("/api/v1/queues/chat/claim", headers=ben)
    late = client.post(f"/api/v1/tasks/{number}/submit", headers=ann, json={"token": lease, "draft": SUBMITTED})
    assert (late.status_code, late.json()["code"]) == (409, "lease_lost")
    assert client.get(f"/api/v1/tasks/{number}", headers=ann).json()["draft"]["strengths"] == ["Listened"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer tafol_x"}, {"Authorization": "Basic YTpi"}])
def test_without_a_token_there_is_nothing(client: Client, header: dict[str, str]) -> None:
    answer = client.get("/api/v1/queues", headers=header)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_that_only_reads_cannot_write(any_desk: DeskForTests, client: Client) -> None:
    any_desk.add(make_task())
    reads = token(any_desk, "ann", "queue.read")
    assert client.get("/api/v1/queues", headers=reads).status_code == 200
    for path in ("/api/v1/queues/chat/claim", "/api/v1/tasks/1/claim"):
        assert client.post(path, headers=reads).json()["code"] == "not_allowed"


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    answer = client.put("/api/v1/tasks/1/draft", content=b"x" * 12_000_001)
    assert answer.status_code == 413


def test_whatever_is_sent_is_answered_as_the_openapi_says(any_desk: DeskForTests) -> None:
    app = create_app(any_desk.desk, WebSettings(csrf_key=CSRF_KEY))
    any_desk.add(*(make_task(f"t-{number}") for number in range(20)))
    headers = token(any_desk)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    tried = set()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def send(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        send()
        tried.add(operation.label)
    assert len(tried) == 13
