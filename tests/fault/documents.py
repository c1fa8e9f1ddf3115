"""What the rig publishes: a frame with every kind of draw, and detectors that raise alarms within few reviews."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.detector import Detectors
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from streams.drawing.windows import next_beginning
from tafol import examples
from tafol.documents import read_frame

SEED: Final = b"the seed of the fault tests 32 B"
DRAWS: Final[dict[str, dict[str, Any]]] = {
    "phone/sales": {"draw": {"method": "quota", "n": 2, "window": "week", "parts": 2, "per": "colleague"}},
    "phone/billing": {"draw": {"method": "quota", "n": 4, "window": "week", "per": "team"}},
    "chat/service": {"draw": {"method": "quota", "n": 2, "window": "day", "per": "stratum"}},
    "phone/technical-support": {"draw": {"method": "random", "rate": 0.3}, "cap": {"n": 1, "window": "week"}},
    "counter": {"draw": {"method": "systematic", "every": 3}, "cap": {"n": 2, "window": "week"}},
}
OVERLAYS: Final = [
    {"name": "complaints", "when": {"topic": "complaint"}, "cap": {"n": 1, "window": "week", "per": "team"}},
    {"name": "welsh-cancellations", "when": {"topic": "cancellation", "language": "cy"}},
]


def frame(age_limit_days: float) -> SamplingFrame:
    """The example's strata, five of them drawn so that the draw stage has to do with them, and two overlays."""
    fields = read_frame(examples.FRAME).with_seed(SEED).model_dump(mode="json")
    strata = [stratum | DRAWS.get(stratum["name"], {}) for stratum in fields["strata"]]
    changes = {"strata": strata, "overlays": OVERLAYS, "age_limit_days": age_limit_days}
    return SamplingFrame.model_validate(fields | changes)


def follower(before: SamplingFrame, not_before: datetime) -> SamplingFrame:
    """The next version: other rates, other quotas, and so other draw numbers; from a Monday on."""
    fields = before.model_dump(mode="json")
    for stratum in fields["strata"]:
        draw = stratum["draw"]
        if draw["method"] == "quota":
            draw["n"] += 1
        elif draw["method"] == "random":
            draw["rate"] = min(1.0, draw["rate"] * 2)
    starts = next_beginning(not_before, "week", before.zone)
    return SamplingFrame.model_validate(fields | {"version": before.version + 1, "holds_from": starts})


def checks(starts: datetime, days: int) -> Iterator[CheckRequest]:
    """A spot check for the next of one team and one for a random few of another channel, every ten days."""
    for number, day in enumerate(range(2, days - 4, 10)):
        begins = starts + timedelta(days=day)
        for pick, when in (("next", {"team_id": "cardiff-billing"}), ("random", {"channel": "face_to_face"})):
            yield CheckRequest.model_validate(
                {
                    "id": f"spot-{pick}-{number}", "holds_from": begins, "holds_until": begins + timedelta(days=2),
                    "purpose": "spot", "when": when, "n": 3, "pick": pick, "asked_by": "supervisor",
                }
            )  # fmt: skip


def detectors() -> Detectors:
    """As lenient as can be: a drop is believed soon, and often for nothing."""
    return Detectors.model_validate(
        {
            "id": "rig", "version": 1, "holds_from": "2026-01-01T00:00:00Z", "period": "week",
            "one_false_alarm_in_periods": 0.01, "tolerance_points": 0, "reference_reviews": 30,
            "close_after_reviews": 10, "reviews_a_period": 10,
            "series": [{"of": "channel", "count": 3}, {"of": "team", "count": 8}, {"of": "criterion", "count": 5}],
        }
    )  # fmt: skip
