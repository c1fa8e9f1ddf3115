"""What a run showed, from what the reviewers were told and from the store's outbox."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import NamedTuple

from sqlalchemy import select

from bench.desk_load.reviewers import Claim, Told
from desk.store.database import Database
from desk.store.tables import OutboxRow
from schemas.review import Review
from schemas.selection import ReviewTask


class Result(NamedTuple):
    """What one run showed."""

    reviews: int
    """Outcomes in the outbox: one a task."""
    double_leases: int
    lost_reviews: int
    overlap_wrong: int
    claims: int
    """Claims before the kills began: those that the times are of."""
    claim_p50_ms: float
    claim_p95_ms: float
    kills: int
    unexpected: dict[str, int]

    @property
    def right(self) -> bool:
        return not (self.double_leases or self.lost_reviews or self.overlap_wrong or self.unexpected)


def judge(database: Database, tasks: list[ReviewTask], told: Told, account_ids: list[str]) -> Result:
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
        double_leases=double_leases(told.claims),
        lost_reviews=lost,
        overlap_wrong=wrong,
        claims=len(told.claim_ms),
        claim_p50_ms=round(percentile(told.claim_ms, 0.5), 1),
        claim_p95_ms=round(percentile(told.claim_ms, 0.95), 1),
        kills=0,
        unexpected=dict(told.unexpected),
    )


def double_leases(claims: list[Claim]) -> int:
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


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
