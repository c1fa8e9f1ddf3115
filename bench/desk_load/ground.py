"""What a run stands on: an empty store, people with tokens, tasks, and the desk's process."""

from __future__ import annotations

import http.client
import random
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import uvicorn

from bench.desk_load.postgresql import make_database, running
from bench.desk_load.reviewers import LEASE, QUEUES
from desk.app import create_app
from desk.background import Background, quiet_collector
from desk.config import DeskConfig
from desk.intake import Arrived, Intake
from desk.people import accounts
from desk.services import Desk
from desk.store.database import Database
from desk.store.migrate import migrate
from desk.surroundings import Surroundings
from desk.views import NewPerson
from desk.web.settings import WebSettings
from schemas.catalogue import REVIEW_TASKS, SCORECARDS
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask, task_id
from tafol.documents import read_scorecard
from tafol.local.process import Child

ROOT: Final = Path(__file__).parents[2]
SCORECARD: Final = ROOT / "tafol" / "examples" / "phone.yaml"
OVERLAP_SHARE: Final = 0.2
COPIES: Final = 2
START_WITHIN_S: Final = 120.0


@contextmanager
def store(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty store, which lives as long as the block."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/desk.sqlite3"
        return
    with running(folder / "pg") as uri:
        yield make_database(uri, "desk")


def prepare(url: str, reviewers: int, transactions: int) -> tuple[list[str], list[str], list[ReviewTask]]:
    """Tables, people with tokens, and tasks; the tokens' secrets, the accounts' ids and the tasks."""
    database = Database(url)
    try:
        migrate(database)
        here = Surroundings(database, _now, secrets.token_bytes)
        desk = Desk(here)
        Intake(here).registers([_arrived(SCORECARDS, read_scorecard(SCORECARD))])
        tokens, account_ids = [], []
        for number in range(reviewers):
            person = NewPerson(f"r{number}", f"Reviewer {number}", ("reviewer",), not_a_colleague=True)
            with database.write() as session:
                row = accounts.make(session, person, _now(), secrets.token_bytes)
            issued = desk.people.issue_token(accounts.actor_of(row), "load", ["queue.read", "review.write"])
            tokens.append(issued.secret)
            account_ids.append(row.account_id)
        return tokens, account_ids, add_tasks(database, range(transactions))
    finally:
        database.close()


def add_tasks(database: Database, transactions: range) -> list[ReviewTask]:
    """Tasks of further transactions, by their numbers, as the desk's consumer takes them in."""
    tasks = _tasks(transactions, read_scorecard(SCORECARD))
    intake = Intake(Surroundings(database, _now, secrets.token_bytes))
    intake.tasks([_arrived(REVIEW_TASKS, one) for one in tasks])
    return tasks


def serve(url: str, port: int) -> None:
    """The desk process: what `tafol desk run` runs, without Kafka."""
    database = Database(url)
    here = Surroundings(database, _now, secrets.token_bytes, DeskConfig(lease=LEASE))
    Background(here).start()
    app = create_app(Desk(here), WebSettings(csrf_key=secrets.token_bytes(32)))
    quiet_collector()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, backlog=1024)


def start(url: str, port: int, folder: Path) -> Child:
    argv = [sys.executable, "-m", "bench.desk_load", "--serve", url, "--port", str(port)]
    child = Child(argv, folder=ROOT, console=folder / "desk.log")
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


def _tasks(transactions: range, card: Scorecard) -> list[ReviewTask]:
    chance, now = random.Random(transactions.start), _now()
    tasks = []
    for number in transactions:
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


def _arrived(topic: str, record: ReviewTask | Scorecard) -> Arrived:
    return Arrived(topic, 0, 0, int(time.time() * 1000), record.model_dump_json().encode())


def _now() -> datetime:
    return datetime.now(UTC)
