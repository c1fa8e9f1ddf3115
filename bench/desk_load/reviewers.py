"""Simulated reviewers: threads that claim, work, submit, and try again when the desk is away."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

QUEUES: Final = ("phone", "complaints", "welsh", "late")
SKIPPED, GIVEN_BACK, ABANDONED = 0.03, 0.03, 0.02
"""Shares of claims that do not end in a review at once."""
LEASE: Final = timedelta(seconds=90)
AWAY_S: Final = 0.2
"""Between tries while the desk is away."""
NOTHING_S: Final = 15.0
"""Between looks into an empty queue."""
REQUEST_TIMEOUT_S: Final = 60.0


class Claim(NamedTuple):
    """What a reviewer knows of one claim. Times are seconds since 1970 by this machine's one clock."""

    number: int
    token: int
    person: int
    from_s: float
    until_s: float


@dataclass
class Told:
    """What all reviewers were told."""

    claims: list[Claim] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)
    """Task id and person of submits that were refused."""
    claim_ms: list[float] = field(default_factory=list)
    calm: threading.Event = field(default_factory=threading.Event)
    """Set before the kills begin."""
    unexpected: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reviewer(threading.Thread):
    """One person: claims, works, submits, until there is nothing left."""

    def __init__(
        self, person: int, token: str, *, port: int, told: Told, done: threading.Event, think_s: float
    ) -> None:
        super().__init__(daemon=True)
        self._person = person
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._port = port
        self._told = told
        self._done = done
        self._think_s = think_s
        self._chance = random.Random(person)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        self._done.wait(self._chance.uniform(0, self._think_s))
        while not self._done.is_set():
            queue = self._chance.choice(QUEUES)
            began = time.perf_counter()
            status, form, tries = self._ask("POST", f"/queues/{queue}/claim")
            took_ms = (time.perf_counter() - began) * 1000
            if status == 204:
                self._done.wait(NOTHING_S)
            elif status == 200:
                if tries == 1 and self._told.calm.is_set():
                    with self._told.lock:
                        self._told.claim_ms.append(took_ms)
                self._work(form)
            elif status:
                self._unexpected("claim", status, form)
        self._hang_up()

    def _work(self, form: dict[str, Any]) -> None:
        number, token = form["task"]["number"], form["lease"]["token"]
        ends_s = _seconds(form["lease"]["ends_at"])
        from_s = ends_s - LEASE.total_seconds()
        fate = self._chance.random()
        if fate < ABANDONED:  # closes the laptop; the lease runs out
            self._claimed(Claim(number, token, self._person, from_s, ends_s))
            self._done.wait(LEASE.total_seconds())
            return
        self._done.wait(self._chance.uniform(0.5, 1.5) * self._think_s)
        if self._chance.random() < 0.3:
            status, lease, _ = self._ask("POST", f"/tasks/{number}/heartbeat", {"token": token})
            ends_s = _seconds(lease["ends_at"]) if status == 200 else ends_s
        released_s = time.time()
        if fate < ABANDONED + GIVEN_BACK:
            what, body = "return", {"token": token}
        elif fate < ABANDONED + GIVEN_BACK + SKIPPED:
            what, body = "skip", {"token": token, "reason": "No sound"}
        else:
            what, body = "submit", {"token": token, "draft": _filled(form["scorecard"])}
        status, answer, _ = self._ask("POST", f"/tasks/{number}/{what}", body)
        self._claimed(Claim(number, token, self._person, from_s, min(ends_s, released_s)))
        if status == 200:
            with self._told.lock:
                self._told.receipts.append({**answer, "person": self._person})
        elif status == 409 and answer["code"] in ("lease_lost", "task_closed"):
            # The lease ran out; or a give-back was tried again after a crash, and had been heard the first time.
            if what != "return":
                with self._told.lock:
                    self._told.refused.append((form["task"]["task_id"], self._person))
        elif status not in (0, 204):
            self._unexpected(what, status, answer)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _claimed(self, claim: Claim) -> None:
        with self._told.lock:
            self._told.claims.append(claim)

    def _unexpected(self, what: str, status: int, answer: dict[str, Any]) -> None:
        with self._told.lock:
            self._told.unexpected[f"{what} {status} {answer.get('code')}"] += 1

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any], int]:
        """Status, answer and tries; goes on while the desk is away, and is (0, {}, n) once all is done."""
        tries = 0
        while not self._done.is_set():
            tries += 1
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT_S)
                sent = None if body is None else json.dumps(body)
                self._connection.request(method, f"/api/v1{path}", sent, self._headers)
                response = self._connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException):
                self._hang_up()
                self._done.wait(AWAY_S * self._chance.uniform(0.5, 1.5))
                continue
            if response.status == 503:
                self._done.wait(AWAY_S)
                continue
            return response.status, json.loads(raw) if raw else {}, tries
        return 0, {}, tries


def _filled(scorecard: dict[str, Any]) -> dict[str, Any]:
    criteria = [one for section in scorecard["sections"] for one in section["criteria"]]
    return {
        "ratings": [{"criterion": one["id"], "value": one["scale"]["highest"]} for one in criteria],
        "strengths": ["Listened well"],
        "development_points": ["Sum up at the end"],
        "time_spent_s": 400,
    }


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
