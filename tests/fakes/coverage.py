"""Made-up coverage as sinks/queries/coverage.sql would return it: four witnesses of three channels that agree."""

from __future__ import annotations

from schemas.catalogue import SOURCE_TOPICS
from sinks.store import Row

EXCLUDED = {
    "customer_not_told": 0.012, "customer_told_late": 0.006, "customer_notice_not_valid": 0.004,
    "colleague_not_told": 0.003, "too_short": 0.018, "internal-line": 0.007,
}  # fmt: skip
"""Shares of what is read, by reason; the last is an exclusion of a frame's own."""
OUTCOMES = {"reviewed": 0.81, "skipped": 0.03, "expired": 0.04, "shed": 0.02, "withdrawn": 0.005}
"""Shares of the selected; the rest is awaiting."""


def coverage_rows(read: int = 60_000) -> list[Row]:
    """The rows, for `read` calls and fewer chats and visits."""
    rows: list[Row] = []
    for topic, share in zip(SOURCE_TOPICS, (1.0, 0.45, 0.08), strict=True):
        count = round(read * share)
        excluded = {reason: round(count * part) for reason, part in EXCLUDED.items()}
        rejected, repeats = {"invalid": count // 400, "too_old": count // 2000}, count // 300
        eligible = count - sum(excluded.values()) - sum(rejected.values()) - repeats
        selected = eligible // 25
        ended = {outcome: round(selected * part) for outcome, part in OUTCOMES.items()}
        told = {"read": count, "repeats": repeats, "eligible": eligible, "selected": selected, "pending": 0}
        told |= {"not_selected": eligible - selected}
        rows += [_row("counts", topic, measure, number) for measure, number in told.items()]
        for witness, both in (("counts", excluded), ("rows", excluded)):
            rows += [_row(witness, topic, "excluded", number, reason) for reason, number in both.items()]
        for witness, both in (("counts", rejected), ("rows", rejected)):
            rows += [_row(witness, topic, "rejected", number, reason) for reason, number in both.items()]
        for witness in ("rows", "population"):
            rows.append(_row(witness, topic, "selected", selected))
        rows += [
            _row("rows", topic, "not_selected", eligible - selected),
            _row("rows", topic, "under_none", eligible // 50),
        ]
        rows.append(_row("population", topic, "eligible", eligible))
        rows += [_row("selections", topic, outcome, number) for outcome, number in ended.items()]
        rows.append(_row("selections", topic, "awaiting", selected - sum(ended.values())))
    return rows


def _row(witness: str, topic: str, measure: str, records: int, reason: str = "") -> Row:
    return {"witness": witness, "topic": topic, "measure": measure, "reason": reason, "records": records}
