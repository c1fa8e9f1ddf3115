"""What a run of all contestants comes to: a table for people, one JSON object for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median

from bench.main_path.meter import Run

REFERENCE = "product"


def last_line(runs: Mapping[str, Sequence[Run]]) -> str:
    """Medians by contestant; `ratio` is the product's events/s over the contestant's. None: it did not take part."""
    events_per_s = {key: _median([run.events_per_s for run in done]) for key, done in runs.items()}
    cpu = {key: _median([run.cpu_s_per_million for run in done]) for key, done in runs.items()}
    product = events_per_s[REFERENCE]
    ratio = {
        key: round(product / speed, 3) if product is not None and speed is not None else None
        for key, speed in events_per_s.items()
    }
    return json.dumps(
        {"events_per_s": _rounded(events_per_s, 0), "cpu_s_per_million": _rounded(cpu, 2), "ratio": ratio}
    )


def rows(runs: Mapping[str, Sequence[Run]], titles: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Lines of the table: title, passes, events, events/s (least to most), CPU-seconds per million, peak MB."""
    lines: list[tuple[str, ...]] = []
    for key, done in runs.items():
        if not done:
            lines.append((titles[key], "0", "", "left out", "", ""))
            continue
        speeds = [run.events_per_s for run in done]
        lines.append(
            (
                titles[key],
                str(len(done)),
                f"{done[0].events:,}",
                f"{median(speeds):,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f})",
                f"{median([run.cpu_s_per_million for run in done]):.1f}",
                f"{max(run.peak_rss_mb for run in done):.0f}",
            )
        )
    return lines


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _rounded(values: Mapping[str, float | None], digits: int) -> dict[str, float | None]:
    return {key: None if value is None else round(value, digits) for key, value in values.items()}
