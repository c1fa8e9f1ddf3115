"""What the demo shows at its end: the pipeline's counts beside the ledger's, draws beside the frame, means by team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import plotext
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.base import CHANNELS
from schemas.frame import QuotaDraw, RandomDraw, SamplingFrame, Stratum, SystematicDraw
from sinks.queries.coverage import Counts, Coverage
from sinks.queries.estimates import Estimate, Within, estimates
from sinks.queries.selections import selections_by_stratum
from sinks.store import Asker
from tafol import examples
from tafol.simulator.config import SimulationConfig
from tafol.simulator.ledger import Ledger, Totals

ON_SCREEN: Final = {"phone": "phone", "chat": "chat", "face_to_face": "face to face"}
PLOT_ROWS: Final = 14


@dataclass(frozen=True, slots=True)
class Played:
    """What was played, and what must come of it."""

    ledger: Ledger
    frame: SamplingFrame
    config: SimulationConfig


def show(console: Console, store: Asker, covered: Coverage, played: Played) -> bool:
    """Print the whole report. True when the pipeline's counts are the ledger's and reconcile."""
    ledger, frame, config = played.ledger, played.frame, played.config
    first_day = config.starts.astimezone(frame.zone).date()
    after_last = config.ends.astimezone(frame.zone).date() + timedelta(days=1)
    wrong = [*_differences(covered, ledger), *(f"{one.channel} {one.what}" for one in covered.differences)]
    console.print(_counts(covered, ledger))
    console.print(_strata(store, frame, first_day, after_last))
    weekly = [
        one
        for one in estimates(store, Within(first_day, after_last, frame.time_zone), group_by="team", period="week")
        if one.mean_0_100 is not None
    ]
    console.print(_teams(weekly, config))
    console.print(Text.from_ansi(_plot(weekly, config, console.width)))
    if wrong:
        console.print(Text.assemble(("The counts do NOT agree:", "bold red"), f" {'; '.join(wrong)}"))
    else:
        console.print(Text.assemble(("All counts agree", "bold green"), " with the simulator's ledger, and reconcile."))
    return not wrong


def show_desk(console: Console, url: str, accounts: Sequence[Mapping[str, str]]) -> None:
    """Where the review desk is, and who may sign in."""
    table = Table(title=f"The review desk is at {url}", title_justify="left")
    for heading in ("sign in as", "password", "role"):
        table.add_column(heading)
    for one in accounts:
        table.add_row(one["login"], one["password"], _words(one["role"]))
    console.print(table)
    console.print("Sign in as reviewer, take the next item and score it. Ctrl-C ends the demo.")


def show_how_to_go_on(console: Console, data_dir: Path) -> None:
    """Where the data lie and what to type next."""
    again = f"tafol --config {examples.DEMO_SETTINGS} --data-dir {data_dir}"
    console.print(f"\nThe data lie in {data_dir}. Go on from here (`.venv/bin/tafol` if `tafol` is not found):")
    for command, does in {
        f"{again} up": "run everything again on these data, until Ctrl-C",
        f"{again} status": "coverage and lag, while it runs (in another terminal)",
        f"{again} rejected list": "what could not be used, and why",
        "tafol --help": "all commands",
    }.items():
        console.print(f"  {command}", style="bold", soft_wrap=True, highlight=False)
        console.print(f"      {does}", highlight=False)


def _differences(covered: Coverage, ledger: Ledger) -> list[str]:
    """Where the pipeline's counts are not the ledger's, by channel."""
    found = []
    for channel in CHANNELS:
        counts, totals = covered.by_channel.get(channel), ledger.totals(channel)
        pairs = {} if counts is None else _pairs(counts, totals)
        found += [f"{channel} {what}: {a} for {b}" for what, (a, b) in pairs.items() if a != b]
        if counts is None and totals.sent:
            found.append(f"{channel}: nothing came")
    return found


def _pairs(counts: Counts, totals: Totals) -> dict[str, tuple[object, object]]:
    """(pipeline, ledger) by what is counted."""
    return {
        "read": (counts.read, totals.sent),
        "repeats": (counts.repeats, totals.repeats),
        "rejected": (dict(counts.rejected), dict(sorted(totals.rejected.items()))),
        "excluded": (dict(counts.excluded), dict(sorted(totals.excluded.items()))),
        "eligible": (counts.eligible, totals.eligible),
    }


def _counts(covered: Coverage, ledger: Ledger) -> Table:
    table = Table(title="What became of everything that was sent", title_justify="left")
    table.add_column("")
    for channel in CHANNELS:
        table.add_column(ON_SCREEN[channel], justify="right")
    table.add_column("in all", justify="right")
    table.add_column("the ledger says", justify="right")

    def row(what: str, values: Sequence[int], ledger_says: int | None = None) -> None:
        table.add_row(what, *(f"{value:,}" for value in values), "" if ledger_says is None else f"{ledger_says:,}")

    every = [*(covered.by_channel[channel] for channel in CHANNELS if channel in covered.by_channel), covered.total]
    sent = ledger.totals()
    row("read", [one.read for one in every], sent.sent)
    row("repeats, counted once", [one.repeats for one in every], sent.repeats)
    for kind in ("rejected", "excluded"):
        of_kind: Mapping[str, int] = getattr(sent, kind)
        for reason in sorted({*getattr(covered.total, kind), *of_kind}):
            row(
                f"{kind}: {_words(reason)}",
                [getattr(one, kind).get(reason, 0) for one in every],
                of_kind.get(reason, 0),
            )
    row("eligible", [one.eligible for one in every], sent.eligible)
    row("  not selected", [one.not_selected for one in every])
    for waiting in ("pending", "late"):
        if getattr(covered.total, waiting):
            row(f"  {waiting}", [getattr(one, waiting) for one in every])
    row("  selected", [one.selected for one in every])
    for outcome in ("reviewed", "skipped", "expired"):
        row(f"    {outcome}", [getattr(one, outcome) for one in every])
    return table


def _strata(store: Asker, frame: SamplingFrame, from_day: date, to_day: date) -> Table:
    table = Table(title="Selections by stratum, against the frame", title_justify="left")
    table.add_column("stratum")
    for heading in ("eligible", "selected", "share", "the frame says"):
        table.add_column(heading, justify="right")
    found = {
        one.stratum: one
        for one in selections_by_stratum(store, from_day=from_day, to_day=to_day, time_zone=frame.time_zone)
    }
    for stratum in frame.strata:
        one = found.get(stratum.name)
        eligible, selected = (0, 0) if one is None else (one.eligible, one.selections)
        share = f"{selected / eligible:.1%}" if eligible else ""
        table.add_row(stratum.name, f"{eligible:,}", f"{selected:,}", share, _promised(stratum))
    return table


def _promised(stratum: Stratum) -> str:
    match stratum.draw:
        case RandomDraw(rate=rate):
            return f"random, {rate:.0%}"
        case SystematicDraw(every=every):
            return f"every {every}th, {1 / every:.0%}"
        case QuotaDraw(n=n, per=unit, window=window):
            return f"{n} a {window} for each {unit}"
        case _:
            return "none is drawn"


def _teams(weekly: Sequence[Estimate], config: SimulationConfig) -> Table:
    weeks = sorted({one.period_start for one in weekly})
    table = Table(
        title="Mean score by team and week (weighted by the design, with 95 % interval)", title_justify="left"
    )
    table.add_column("team")
    for week in weeks:
        table.add_column(f"from {week:%d %b}", justify="right")
    by_team = _by_team(weekly)
    for team, means in sorted(by_team.items()):
        style = "bold" if config.drop is not None and team == config.drop.team_id else ""
        table.add_row(team, *(_mean(means.get(week)) for week in weeks), style=style)
    return table


def _mean(one: Estimate | None) -> str:
    if one is None or one.mean_0_100 is None:
        return "-"
    return f"{one.mean_0_100:.1f}" + ("" if one.half_width is None else f" ± {one.half_width:.1f}")


def _plot(weekly: Sequence[Estimate], config: SimulationConfig, width: int) -> str:
    """The team whose handling got worse, and the mean of all the others' means; empty where nothing was scored."""
    team = config.drop.team_id if config.drop is not None else min(_by_team(weekly), default="")
    weeks = sorted({one.period_start for one in weekly})
    own, others = _Line(team, "braille"), _Line("the other teams", "dot")
    for number, week in enumerate(weeks, start=1):
        scored = {one.group_id: one.mean_0_100 for one in weekly if one.period_start == week}
        own.add(number, [mean for name, mean in scored.items() if name == team and mean is not None])
        others.add(number, [mean for name, mean in scored.items() if name != team and mean is not None])
    lines = [line for line in (own, others) if line.numbers]
    if not lines:
        return ""
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(min(width, 96), PLOT_ROWS)
    for line in lines:  # plotext takes no line without points
        plotext.plot(line.numbers, line.means, label=line.label, marker=line.marker)
    plotext.xticks(list(range(1, len(weeks) + 1)), [f"{week:%d %b}" for week in weeks])
    plotext.title("Mean score by week")
    picture: str = plotext.build()
    return picture


@dataclass
class _Line:
    """A line of the plot: the numbers of the weeks that have a mean, and those means."""

    label: str
    marker: str
    numbers: list[int] = field(default_factory=list)
    means: list[float] = field(default_factory=list)

    def add(self, number: int, means: Sequence[float]) -> None:
        if means:
            self.numbers.append(number)
            self.means.append(sum(means) / len(means))


def _by_team(weekly: Sequence[Estimate]) -> dict[str, dict[date, Estimate]]:
    found: dict[str, dict[date, Estimate]] = {}
    for one in weekly:
        found.setdefault(one.group_id, {})[one.period_start] = one
    return found


def _words(code: str) -> str:
    return code.replace("_", " ")
