"""What pages and API call. One class for each matter, put together as a `Desk`; every method is synchronous.

    queues        QueueService: lists of tasks; Work (work.py): single tasks; Supervision (supervision.py)
    reviews       ReviewService: what was reviewed
    people        PeopleService: accounts; Staff (staff.py): absences, workload; SignIn (desk.people.sign_in)
    registers     ScorecardService, FrameService
    checks        CheckService
    observations  ObservationService
    erasures      ErasureService
    alerts        AlertService, over ClickHouse (analytics.py), as far as the person sees (sight.py)
    trends        TrendService: estimates, likewise
    coverage      CoverageService
    names         NameService: what ids are called
    trail         AuditService
    dues          what happens by itself: overdue tasks, retention

Each method takes the Actor first, checks the table of desk.people.authorisation itself, writes the audit trail, and
answers a frozen view (desk.views). What it refuses are the errors of desk.errors, with code and HTTP status. Call them
from `def` handlers (FastAPI's thread pool), never from the event loop.
"""

from __future__ import annotations

from datetime import datetime

from desk.services.alerts import AlertService
from desk.services.analytics import Analytics
from desk.services.checks import CheckService
from desk.services.coverage import CoverageService
from desk.services.erasures import ErasureService
from desk.services.names import NameService
from desk.services.observations import ObservationService
from desk.services.people import PeopleService
from desk.services.queues import QueueService
from desk.services.registers import FrameService, RegisterPort, ScorecardService
from desk.services.reviews import ReviewService
from desk.services.trail import AuditService
from desk.services.trends import TrendService
from desk.surroundings import Surroundings


class Desk:
    """All services of one desk. desk.api.app.create_app(desk) makes the application."""

    def __init__(
        self, here: Surroundings, registers: RegisterPort | None = None, analytics: Analytics | None = None
    ) -> None:
        """`registers` None: scorecards and frames are shown, and published elsewhere. `analytics` None: no ClickHouse
        is connected, and what comes from it says so."""
        self.here = here
        self.queues = QueueService(here)
        self.reviews = ReviewService(here)
        self.people = PeopleService(here)
        self.scorecards = ScorecardService(here, registers)
        self.frames = FrameService(here, registers)
        self.checks = CheckService(here)
        self.observations = ObservationService(here)
        self.erasures = ErasureService(here)
        self.alerts = AlertService(here, analytics)
        self.trends = TrendService(here, analytics)
        self.coverage = CoverageService(here, analytics)
        self.names = NameService(here)
        self.audit = AuditService(here)

    def now(self) -> datetime:
        """The desk's clock, UTC."""
        return self.here.now()


__all__ = [
    "AlertService",
    "Analytics",
    "AuditService",
    "CheckService",
    "CoverageService",
    "Desk",
    "FrameService",
    "NameService",
    "ObservationService",
    "PeopleService",
    "QueueService",
    "RegisterPort",
    "ReviewService",
    "ScorecardService",
    "TrendService",
]
