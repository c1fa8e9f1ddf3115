"""What is simulated. One configuration gives one set of bytes, and one fate for each of them.

`Expectations` are the numbers of the sampling frame that decide a fate; take them from the frame that is published,
with `Expectations.of(frame)`, or the ledger and the pipeline speak of different rules.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.base import Channel, Identifier, Instant, Record, known_zone
from schemas.frame import SamplingFrame

DAY = timedelta(days=1)
CHANNEL_SHARES: Final[dict[Channel, float]] = {"phone": 0.58, "chat": 0.28, "face_to_face": 0.14}
Share = Annotated[float, Field(ge=0, le=1)]


class Expectations(Record):
    """The rules of the frame that a transaction is judged by."""

    customer_told_within_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    minimum_length_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """0: nothing is too short, and the share of short transactions is not simulated."""
    future_limit_s: Annotated[float, Field(ge=0, le=600)] = 300.0
    age_limit_days: Annotated[float, Field(gt=0, le=400)] = 40.0

    @classmethod
    def of(cls, frame: SamplingFrame) -> Expectations:
        return cls(
            customer_told_within_s=frame.eligibility.customer_told_within_s,
            minimum_length_s=frame.eligibility.minimum_length_s,
            future_limit_s=frame.future_limit_s,
            age_limit_days=frame.age_limit_days,
        )


class ScoreDrop(Record):
    """From the local day `from_day` on, everyone in `team_id` handles transactions worse by `points` of 100."""

    team_id: Identifier
    from_day: date
    points: Annotated[float, Field(gt=0, le=100)]


class Disorder(Record):
    """What goes wrong, as shares of all transactions. A transaction has at most one of the first seven faults."""

    bad: Share = 0.006
    """Events that cannot be used at all; the kinds (`disorder.SPOILERS`) are equally likely."""
    customer_not_told: Share = 0.015
    customer_told_late: Share = 0.006
    customer_notice_unknown: Share = 0.002
    colleague_not_told: Share = 0.004
    colleague_notice_unknown: Share = 0.001
    too_short: Share = 0.008
    repeat: Share = 0.012
    """The same bytes again, within minutes."""
    conflicting_repeat: Share = 0.001
    """The same id again, within minutes, with other content."""
    late: Share = 0.02
    """Sent hours after the end of the transaction."""
    unknown_fields: Share = 0.03

    @property
    def faults(self) -> tuple[tuple[str, float], ...]:
        """The faults that exclude or reject a transaction, with their shares."""
        named = ("bad", "customer_not_told", "customer_told_late", "customer_notice_unknown", "colleague_not_told")
        return tuple((name, getattr(self, name)) for name in (*named, "colleague_notice_unknown", "too_short"))

    @model_validator(mode="after")
    def _shares_leave_room(self) -> Disorder:
        if sum(share for _, share in self.faults) > 1 or self.repeat + self.conflicting_repeat > 1:
            raise ValueError("the shares of the faults, or of the repeats, are more than 1 together")
        return self

    @classmethod
    def none(cls) -> Disorder:
        """Nothing goes wrong."""
        return cls(**dict.fromkeys(cls.model_fields, 0.0))


class ReviewerShares(Record):
    """What becomes of review tasks besides a submitted review, as shares of all tasks."""

    skipped: Share = 0.04
    expired: Share = 0.02
    corrected: Share = 0.03
    """Submitted reviews that are corrected afterwards, as revision 1."""

    @model_validator(mode="after")
    def _shares_leave_room(self) -> ReviewerShares:
        if self.skipped + self.expired > 1:
            raise ValueError("skipped and expired are more than 1 together")
        return self


class SimulationConfig(Record):
    """The whole of a simulation: transactions that end in [starts, ends)."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    run: Annotated[str, StringConstraints(max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9.]*$")] = "sim"
    """First part of every transaction id. Two runs into one Kafka need two names, or the second is all repeats."""
    starts: Instant
    ends: Instant
    time_zone: Annotated[str, AfterValidator(known_zone)] = "Europe/London"
    transactions_per_week: Annotated[float, Field(gt=0, le=10_000_000)] = 5_500.0
    channel_shares: dict[Channel, Share] = Field(default_factory=lambda: dict(CHANNEL_SHARES))
    customers: Annotated[int, Field(ge=1, le=10_000_000)] = 6_000
    chat_turns: tuple[Annotated[int, Field(ge=6)], Annotated[int, Field(le=30)]] = (6, 30)
    """Fewest and most turns of a chat."""
    drop: ScoreDrop | None = None
    disorder: Disorder = Disorder()
    reviewers: ReviewerShares = ReviewerShares()
    expects: Expectations = Expectations()

    @model_validator(mode="after")
    def _holds_together(self) -> SimulationConfig:
        if self.ends <= self.starts:
            raise ValueError("ends is not after starts")
        if self.ends - self.starts > timedelta(days=self.expects.age_limit_days) - DAY:
            raise ValueError(
                f"the span must be at least a day shorter than the frame's age limit of "
                f"{self.expects.age_limit_days:g} days: sent in one go, its first events would be rejected as too old"
            )
        if abs(sum(self.channel_shares.values()) - 1) > 1e-6:
            raise ValueError("channel_shares do not add up to 1")
        if self.chat_turns[0] > self.chat_turns[1]:
            raise ValueError("chat_turns: the fewest is more than the most")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def drop_starts(self) -> datetime | None:
        """The first instant of the score drop."""
        if self.drop is None:
            return None
        return datetime.combine(self.drop.from_day, time(), self.zone).astimezone(UTC)
