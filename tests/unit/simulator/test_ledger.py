"""The ledger adds up, notes only what was sent, and knows the truth about quality."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.base import CHANNELS
from tafol.simulator.config import Expectations, ScoreDrop
from tafol.simulator.ledger import Ledger
from tafol.simulator.quality import latent_quality
from tafol.simulator.stream import Simulation
from tests.unit.simulator.configs import ENDS, WEEK, config

pytestmark = pytest.mark.unit

CONFIG = config(expects=Expectations(minimum_length_s=10))


def full_ledger() -> Ledger:
    ledger = Ledger()
    for _ in ledger.follow(Simulation(CONFIG).events()):
        pass
    return ledger


def test_totals_add_up_in_all_and_by_channel() -> None:
    events = list(Simulation(CONFIG).events())
    ledger = full_ledger()
    whole = ledger.totals()
    assert whole.sent == ledger.sent == len(events)
    assert whole.valid == len({event.facts.id for event in events if event.fate.becomes in ("eligible", "excluded")})
    for totals in (whole, *(ledger.totals(channel) for channel in CHANNELS)):
        rejected, excluded = sum(totals.rejected.values()), sum(totals.excluded.values())
        assert totals.sent == totals.repeats + rejected + excluded + totals.eligible
    assert sum(ledger.totals(channel).eligible for channel in CHANNELS) == whole.eligible == len(ledger.transactions)
    assert sum(whole.rejected.values()) == sum(ledger.spoilt.values())


def test_an_event_that_was_not_sent_is_not_noted() -> None:
    ledger = Ledger()
    events = ledger.follow(Simulation(CONFIG).events())
    for number, _ in enumerate(events):
        if number == 10:
            break  # taken, never sent
    assert ledger.sent == 10


def test_counts_alone_can_be_kept() -> None:
    ledger = Ledger(keep_transactions=False)
    for event in Simulation(CONFIG).events():
        ledger.note(event)
    assert ledger.totals() == full_ledger().totals()
    assert not ledger.transactions


def test_true_means_show_the_drop() -> None:
    drop = ScoreDrop(team_id="cardiff-billing", from_day=(ENDS - timedelta(days=3)).date(), points=15)
    dropping = CONFIG.model_copy(update={"drop": drop})
    ledger, steady = Ledger(), full_ledger()
    for event in Simulation(dropping).events():
        ledger.note(event)
    since = dropping.drop_starts
    before, after = (ledger.mean_quality_0_100("cardiff-billing", *span) for span in ((None, since), (since, None)))
    undropped = steady.mean_quality_0_100("cardiff-billing", since)
    assert before is not None
    assert after is not None
    assert undropped is not None
    assert before == steady.mean_quality_0_100("cardiff-billing", until=since)
    assert undropped - after == pytest.approx(15, abs=1)  # a little less where quality is at its lowest
    assert ledger.mean_quality_0_100("cardiff-sales") == steady.mean_quality_0_100("cardiff-sales")
    assert ledger.mean_quality_0_100("no-such-team") is None


def test_quality_is_a_function_of_what_a_review_task_carries() -> None:
    for facts in full_ledger().transactions.values():
        assert latent_quality(CONFIG, facts) == facts.quality


def test_the_file_holds_what_the_ledger_holds(tmp_path: Path) -> None:
    ledger = full_ledger()
    ledger.write(tmp_path / "ledger.json")
    written = json.loads((tmp_path / "ledger.json").read_text("utf-8"))
    assert written["totals"]["sent"] == ledger.sent
    assert written["by_channel"]["chat"]["eligible"] == ledger.totals("chat").eligible
    assert len(written["transactions"]) == len(ledger.transactions)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.json"]
    assert next(iter(ledger.transactions.values())).ended_at > ENDS - WEEK
