"""A desk with people, scorecards and simulated transactions, on SQLite, behind a real server on loopback.

The desk's clock stands still unless a test moves it; the browser's runs on.
"""

from __future__ import annotations

import functools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from desk.app import create_app
from desk.config import DeskConfig
from desk.intake import Arrived, Intake
from desk.people import accounts, passwords
from desk.people.authorisation import Actor, Role
from desk.services import Desk
from desk.store.database import Database
from desk.store.migrate import migrate
from desk.surroundings import Surroundings
from desk.views import Draft, FormView, Mark, NewPerson, RatingInput
from desk.web.server import Server
from desk.web.settings import OidcDoor, WebSettings
from schemas.base import Channel, Origin, Versioned
from schemas.catalogue import CHANNEL_OF_TOPIC, REVIEW_TASKS, SAMPLING_FRAMES, SCORECARDS
from schemas.errors import Retryable
from schemas.selection import ReviewTask, TransactionFields, task_id
from schemas.transaction import Transaction, read_transaction
from streams.connection import Connection
from tafol import examples
from tafol.desk_registers import Registers
from tafol.documents import read_frame, read_scorecard
from tafol.local.process import any_free_port
from tafol.simulator.arrivals import arrivals
from tafol.simulator.config import SimulationConfig
from tafol.simulator.transactions import Transactions
from tests.fakes.analytics import Answer, FakeClickHouse, Fall, analytics
from tests.fakes.coverage import coverage_rows
from tests.fakes.estimates import cell_rows, estimate_rows, name_rows

NOW: Final = datetime(2026, 9, 8, 10, 30, tzinfo=UTC)
FALL: Final = Fall("team=cardiff-service", NOW)
PASSWORD: Final = "three bilingual scales"
EXAMPLES: Final = Path(examples.__file__).parent
_hashed = functools.cache(passwords.hashed)
"""Slow on purpose, and the same person signs in at every desk."""
SCORECARDS_OF: Final[dict[Channel, str]] = {"phone": "phone", "chat": "chat", "face_to_face": "face-to-face"}
WANTED: Final[dict[tuple[Channel, str], int]] = {
    ("chat", "en"): 6,
    ("chat", "cy"): 2,
    ("phone", "en"): 5,
    ("face_to_face", "en"): 2,
}
"""How many open items of each kind there are."""
PEOPLE: Final[tuple[tuple[str, str, tuple[Role, ...]], ...]] = (
    ("rhian", "Rhian Evans", ("reviewer",)),
    ("tomos", "Tomos Hughes", ("reviewer",)),
    ("sian", "Siân Parry", ("supervisor",)),
    ("gwen", "Gwen Morgan", ("quality_manager",)),
    ("owain", "Owain Rees", ("colleague",)),
    ("mair", "Mair Bowen", ("judge",)),
    ("admin", "Ifan Lloyd", ("administrator",)),
)


@dataclass
class SeededDesk:
    """One desk with its server. `at` is its clock; `url` has no slash at the end."""

    desk: Desk
    intake: Intake
    database: Database
    actors: dict[str, Actor]
    clickhouse: FakeClickHouse
    at: datetime = NOW
    url: str = ""
    away: Callable[[], AbstractContextManager[None]] = nullcontext
    """While it is open, nothing answers at `url`."""

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)


@contextmanager
def seeded(folder: Path) -> Iterator[SeededDesk]:
    """The desk without a server: people, registers, open items, some reviews, one planned observation."""
    database = Database(f"sqlite:///{folder}/desk.sqlite3")
    migrate(database)
    chance = random.Random(7)
    clock: list[SeededDesk] = []
    here = Surroundings(database, lambda: clock[0].at if clock else NOW, chance.randbytes, DeskConfig())
    registers = Registers(_no_broker, here.now)
    clickhouse = FakeClickHouse(_answers())
    stored = analytics(clickhouse, here.now, FALL.detectors)
    one = SeededDesk(Desk(here, registers, stored), Intake(here), database, {}, clickhouse)
    clock.append(one)
    try:
        _registers(one)
        transactions = _simulated()
        colleague = next(kept.colleague_id for kept in transactions if kept.channel == "chat")
        _people(one, chance, colleague)
        _work(one, transactions, colleague)
        yield one
    finally:
        database.close()


class _Serving:
    """A desk's server on one port of loopback, which can go away and come back."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.port = any_free_port()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(
            self._app, port=self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._app.state.site.closing.clear()
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = None

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()


@contextmanager
def served(folder: Path, *, oidc: OidcDoor | None = None) -> Iterator[SeededDesk]:
    """The same behind a real server on a free port of loopback."""
    with seeded(folder) as one:
        web = WebSettings(csrf_key=bytes(32), live_poll_s=0.1, oidc=oidc)
        serving = _Serving(create_app(one.desk, web))
        one.url, one.away = f"http://127.0.0.1:{serving.port}", serving.away
        serving.start()
        try:
            yield one
        finally:
            serving.stop()


def complete_draft(view: FormView, *, generous: bool = True) -> Draft:
    """Every criterion rated, with words."""
    ratings = tuple(
        RatingInput(
            criterion.id,
            float(
                criterion.scale.highest if generous or n % 3 else criterion.scale.lowest + (criterion.scale.highest > 1)
            ),
            comment="Said back the customer's own words." if n == 1 else "",
            marks=(Mark(line=2),) if n == 1 and view.content.chat else (),
        )
        for n, criterion in enumerate(view.scorecard.criteria)
    )
    strengths = ("Patient throughout, and clear about the next step.",)
    return Draft(ratings, strengths, ("Say back what was agreed before closing.",), time_spent_s=284.0)


def _answers() -> dict[str, Answer]:
    """What ClickHouse would say: one alert that is open, one that is resolved, one that closed by itself."""
    criteria = [one.id for one in read_scorecard(EXAMPLES / "chat.yaml").criteria]
    ago = timedelta(days=60)
    earlier = {"since": NOW - ago, "raised_at": NOW - 0.9 * ago, "changed_at": NOW - 0.9 * ago}
    resolved = FALL.alert(
        alert_id="channel=phone|t-7|phone|1", series_id="channel=phone", status="resolved", acted_by="m-evans",
        acted_at=NOW - 0.8 * ago, action_reason="Two lines were down; customers were called back.", **earlier,
    )  # fmt: skip
    closed = FALL.alert(
        alert_id="team=cardiff-sales|t-9|phone|1", series_id="team=cardiff-sales", state="closed", status="closed",
        closed_because="back", **earlier,
    )  # fmt: skip
    return {
        **FALL.answers(criteria, resolved, closed),
        "estimates": lambda asked: estimate_rows(asked, criteria),
        "score_cells": lambda asked: cell_rows(asked, criteria),
        "coverage": lambda _: coverage_rows(),
        "known_names": lambda _: name_rows(tuple(SCORECARDS_OF.values())),
    }


def _registers(one: SeededDesk) -> None:
    cards = [read_scorecard(EXAMPLES / f"{name}.yaml") for name in SCORECARDS_OF.values()]
    frame = read_frame(EXAMPLES / "frame.yaml").with_seed(bytes(range(32)))
    records = [_arrived(SCORECARDS, card.model_dump_json(), n) for n, card in enumerate(cards)]
    one.intake.registers([*records, _arrived(SAMPLING_FRAMES, frame.model_dump_json(), 0)])


def _people(one: SeededDesk, chance: random.Random, colleague_id: str) -> None:
    hashed = _hashed(PASSWORD)
    with one.database.write() as session:
        for login, name, roles in PEOPLE:
            own = colleague_id if "colleague" in roles else None
            person = NewPerson(login, name, roles, own, not_a_colleague=own is None, languages=("en", "cy"))
            row = accounts.make(session, person, NOW - timedelta(days=90), chance.randbytes)
            row.password_hash = hashed
            one.actors[login] = accounts.actor_of(row)


@functools.cache
def _simulated() -> tuple[Transaction, ...]:
    config = SimulationConfig(seed=3, run="demo", starts=NOW - timedelta(days=1), ends=NOW)
    made = Transactions(config)
    found = []
    for arrival in arrivals(config, (NOW - timedelta(days=1)).date()):
        draft = made.draft(arrival)
        raw = _json(made.fields(draft))
        found.append(read_transaction(raw)[0])
    return tuple(kept for kept in found if kept.duration_s > 120)


def _work(one: SeededDesk, transactions: tuple[Transaction, ...], colleague_id: str) -> None:
    topics = {channel: topic for topic, channel in CHANNEL_OF_TOPIC.items()}
    wanted = dict(WANTED)
    own = [kept for kept in transactions if kept.colleague_id == colleague_id][:2]
    chosen = [*own]
    for kept in transactions:
        kind = (kept.channel, kept.language)
        if wanted.get(kind) and kept.colleague_id != colleague_id:
            wanted[kind] -= 1
            chosen.append(kept)
    for n, kept in enumerate(chosen):
        task = _task(kept, Origin(topic=topics[kept.channel], partition=0, offset=n), n, reviewed=kept in own)
        one.intake.tasks([_arrived(REVIEW_TASKS, task.model_dump_json(), n)])
        one.intake.content(kept.id, kept.model_dump_json().encode())
    tomos, sian = one.actors["tomos"], one.actors["sian"]
    for n in range(len(own)):
        view = one.desk.queues.claim_next(tomos, "reviewed")
        assert view is not None
        assert view.lease is not None
        one.desk.queues.submit(tomos, view.task.number, view.lease.token, complete_draft(view, generous=n == 0))
    one.desk.observations.plan(
        sian,
        colleague_id="c-bangor-07",
        team_id="bangor-counter",
        site="bangor",
        topic="billing",
        language="en",
        scorecard_id="face-to-face",
        place="Bangor, counter 2",
        planned_for=NOW + timedelta(hours=1),
    )


def _task(kept: Transaction, origin: Origin, n: int, *, reviewed: bool) -> ReviewTask:
    fields = {name: getattr(kept, name) for name in TransactionFields.model_fields if name != "customer_pseudonym"}
    queue = (
        "reviewed" if reviewed else f"{SCORECARDS_OF[kept.channel]}-{'welsh' if kept.language == 'cy' else 'service'}"
    )
    card = Versioned(id=SCORECARDS_OF[kept.channel], version=1)
    return ReviewTask(
        task_id=task_id(kept.id, card.id, 1),
        copy_number=1,
        copies=1,
        purposes=("random", "planned") if n % 5 == 4 else ("random",),
        frame=Versioned(id="contact-centre", version=1),
        stratum="chat/service",
        inclusion_probability=0.1,
        scorecard=card,
        queue=queue,
        priority=5,
        drawn_at=NOW - timedelta(hours=20 - n),
        due_at=NOW + timedelta(hours=-1 if n == 3 else 2 + n),
        transaction=TransactionFields(**fields, customer_pseudonym="0f" * 16),
        origin=origin,
    )


def _no_broker() -> Connection:
    raise Retryable("these tests have no broker", retry_after_s=1.0)


def _json(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode()


def _arrived(topic: str, value: str, offset: int) -> Arrived:
    return Arrived(topic, 0, offset, int((NOW - timedelta(days=60)).timestamp() * 1000), value.encode())
