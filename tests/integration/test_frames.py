"""The tools around the frame on a real ClickHouse: their SQL, before and after merges, and the commands as people type.

The same week as in tests/unit/frames: there the queries are answered from memory, here by the SQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.queries.ineligible import Unnoticed, ineligible
from sinks.queries.log_of_decisions import Period, slices, spans
from sinks.queries.observed import observed_scores
from sinks.queries.story import story
from streams.connection import Connection
from streams.registers import Appended
from streams.sampling.decided import NAMES
from streams.topics import topics
from tafol import examples, topics_admin
from tafol.cli import app
from tafol.frames.explain import explain
from tafol.frames.notices_named import named_notices
from tafol.frames.trial import try_out
from tafol.frames.verify import verify
from tafol.kafka_clients import producer
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.process import any_free_port
from tests.fixtures.clickhouse import ClickHouse
from tests.unit.frames.rows import STARTS, WEEK, Played, Tables, week_of
from tests.unit.frames.test_verify import frame
from tests.unit.sampling import logs
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = [pytest.mark.clickhouse, pytest.mark.kafka]


@pytest.fixture(scope="module")
def week() -> Played:
    return week_of(frame(), frame(version=2, holds_from=(STARTS + timedelta(days=3, hours=7)).isoformat()))


def fill(store: ClickHouseStore, found: Played) -> None:
    lines = NAMES + msgspec.json.Encoder().encode_lines(found.lines)
    selections = [msgspec.json.encode(one) for one in found.selections]
    cells = [msgspec.json.encode(one) for one in found.cells]
    store_all(
        store, r.chunk(c.DECIDED, lines), r.chunk(c.SELECTIONS, *selections), r.chunk(c.DRAW_CELLS, *cells)
    )  # fmt: skip


def test_a_week_of_every_kind_of_draw_verifies_before_and_after_merges(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    once = verify(migrated, week.registers, WEEK)
    fill(migrated, week)
    twice = verify(migrated, week.registers, WEEK)
    migrated.command("OPTIMIZE TABLE transactions FINAL")
    assert once == twice == verify(migrated, week.registers, WEEK) == verify(Tables(week), week.registers, WEEK)
    assert once.disagreements == []
    assert once.checked == len(week.lines)
    assert once.windows > 0


def test_a_slice_at_a_time_is_the_whole_span(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    for span in spans(migrated, WEEK):
        whole = [row for batch in slices(migrated, span, WEEK) for row in batch]
        assert [row for batch in slices(migrated, span, WEEK, size=17) for row in batch] == whole
        assert [row["source_offset"] for row in whole] == sorted(row["source_offset"] for row in whole)
        tables = [row for batch in slices(Tables(week), span, WEEK) for row in batch]
        assert [row["id"] for row in whole] == [row["id"] for row in tables]


def test_a_period_in_mid_week_counts_the_ordinals_of_its_first_day(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    days = Period(STARTS + timedelta(days=5), STARTS + timedelta(days=7))
    found = verify(migrated, week.registers, days)
    assert found.disagree == 0
    assert 0 < found.checked < len(week.lines)


def test_a_changed_row_is_found(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    victim = next(one["transaction"]["id"] for one in week.selections if one["purpose"] == "random")
    migrated.command(
        f"ALTER TABLE transactions UPDATE draw_number = 1 WHERE id = '{victim}' SETTINGS mutations_sync = 1"
    )
    found = verify(migrated, week.registers, WEEK)
    assert {one.transaction_id for one in found.disagreements} == {victim}
    told = story(migrated, victim)
    assert told is not None
    assert not explain(migrated, week.registers, told, lambda _: None).agrees


def test_every_decision_of_the_week_is_explained(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    for line in week.lines[::29]:
        told = story(migrated, line.id)
        assert told is not None
        found = explain(migrated, week.registers, told, lambda at: week.events[at.topic, at.partition, at.offset])
        assert found.agrees, found


def test_a_trial_is_the_same_by_sql_and_from_memory(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    draft = frame(version=7)
    assert try_out(migrated, draft, WEEK) == try_out(Tables(week), draft, WEEK)


def test_scores_are_weighted_by_their_draw(migrated: ClickHouseStore) -> None:
    store_all(migrated, r.chunk(c.SCORES, r.score(1, 60.0), r.score(2, 80.0)))
    found = observed_scores(migrated, ended_from=r.NOW - timedelta(days=1), ended_to=r.NOW + timedelta(days=1))
    assert {name: one.score_0_100 for name, one in found.items()} == {"t-1": 60.0, "t-2": 80.0}
    assert all(one.weight > 1 for one in found.values())
    assert observed_scores(migrated, ended_from=r.NOW + timedelta(days=1), ended_to=r.NOW + timedelta(days=2)) == {}


def test_ineligible_transactions_by_reason_and_group(migrated: ClickHouseStore, week: Played) -> None:
    fill(migrated, week)
    days: dict[str, Any] = {"from_day": date(2026, 3, 2), "to_day": date(2026, 3, 9), "time_zone": "UTC"}
    found = ineligible(migrated, group_by="channel", **days)
    expected: dict[tuple[str, str], int] = {}
    for line in week.lines:
        if line.reason:
            key = line.channel, line.reason
            expected[key] = expected.get(key, 0) + 1
    assert {(one.group_id, one.reason): one.transactions for one in found} == expected
    phone = next(one for one in found if one.group_id == "phone")
    assert phone.of == sum(line.channel == "phone" for line in week.lines)
    assert 0 < phone.share < 1
    assert phone.first_ended_at <= phone.last_ended_at
    assert ineligible(migrated, group_by="all", **{**days, "to_day": date(2026, 3, 3)})[0].of < len(week.lines)
    with pytest.raises(ValueError, match="by 'mood'"):
        ineligible(migrated, group_by="mood", **days)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with LocalBroker(BrokerConfig(tmp_path_factory.mktemp("kafka-frames"), port=any_free_port())) as running:
        connection = Connection(running.bootstrap)
        topics_admin.apply(connection, topics(2, 21, 60), 1)
        with producer(connection) as client:
            for topic, entry in ((c.NOTICES, logs.notices()), (c.SAMPLING_FRAMES, frame())):
                client.send(topic, key=entry.ref.key.encode(), value=entry.model_dump_json().encode())
        yield connection


def test_notices_that_did_not_hold_are_read_from_the_records_that_are_still_there(broker: Connection) -> None:
    """By the id that the record names, with what the register says of it."""
    topic, rows = c.SOURCE_TOPICS[0], []
    given: list[tuple[str, dict[str, Any]]] = [
        ("customer_notice_not_valid", {"customer": {"notice_id": "old-tape"}, "colleague": "policy"}),
        ("customer_notice_not_valid", {"customer": {"notice_id": "old-tape"}, "colleague": "policy"}),
        ("colleague_notice_not_valid", {"customer": {"notice_id": "tape"}, "colleague": "phone-notice"}),
    ]
    with producer(broker) as client:
        for reason, notice in given:
            value = json.dumps({"monitoring_notice": notice}).encode()
            sent = client.send(topic, value=value, partition=1).get(timeout=30)
            rows.append(Unnoticed("t", "phone", reason, STARTS, topic, 1, sent.offset))
    rows.append(Unnoticed("t", "phone", "customer_told_late", STARTS, topic, 1, 10**9))
    found, gone = named_notices(broker, rows, [Appended(logs.notices(), STARTS)])
    assert [(one.notice_id, one.transactions) for one in found] == [("old-tape", 2), ("phone-notice", 1)]
    assert found[0].said == "not published"
    assert gone == 1


class TestCommands:
    """As a person types them, against a broker and a ClickHouse of the settings."""

    @pytest.fixture
    def run(
        self,
        broker: Connection,
        clickhouse: ClickHouse,
        migrated: ClickHouseStore,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> Callable[..., Any]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TAFOL_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("TAFOL_KAFKA__BOOTSTRAP", broker.bootstrap)
        for name, value in clickhouse.settings(migrated.database, tmp_path).items():
            monkeypatch.setenv(name, value)
        fill(migrated, week_of(frame()))
        return lambda *arguments: CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})

    def test_verify_ends_with_its_numbers(self, run: Callable[..., Any]) -> None:
        result = run("frame", "verify", "--from", "2026-03-02", "--to", "2026-03-09", "--json")
        assert result.exit_code == 0, result.stderr
        last = json.loads(result.stdout.splitlines()[-1])
        assert last["disagree"] == 0
        assert last["checked"] > 400
        words = run("frame", "verify", "--from", "2026-03-02", "--to", "2026-03-09")
        assert f"{last['checked']:,} transactions" in words.stdout
        assert "Could not be told of" in words.stdout

    def test_a_changed_selection_makes_verify_and_explain_fail(
        self, run: Callable[..., Any], migrated: ClickHouseStore
    ) -> None:
        (row,) = migrated.ask("SELECT id FROM current_transactions WHERE decision = 'selected' ORDER BY id LIMIT 1", {})
        migrated.command(f"DELETE FROM selections WHERE transaction_id = '{row['id']}'")
        verified = run("frame", "verify", "--from", "2026-03-02", "--to", "2026-03-09")
        assert verified.exit_code == 1
        assert row["id"] in verified.stdout
        explained = run("explain", row["id"])
        assert explained.exit_code == 1
        assert "NOT what happened" in explained.stdout

    def test_explain_shows_the_whole_decision(self, run: Callable[..., Any], migrated: ClickHouseStore) -> None:
        (row,) = migrated.ask("SELECT id FROM current_transactions WHERE draw_method = 'quota' ORDER BY id LIMIT 1", {})
        result = run("explain", row["id"], "--json")
        assert result.exit_code == 0, result.stdout + result.stderr
        told = json.loads(result.stdout)
        assert told["agrees"] is True
        names = {step["name"] for step in told["steps"]}
        assert {"record", "frame", "eligibility", "stratum", "draw number", "window", "rank", "selection"} <= names
        assert "This is what happened." in run("explain", row["id"]).stdout

    def test_a_transaction_that_is_not_there_is_met_with_where_to_look(self, run: Callable[..., Any]) -> None:
        result = run("explain", "nobody-knows-it")
        assert result.exit_code == 1
        assert "no transaction nobody-knows-it is stored" in result.stderr
        assert "tafol rejected list" in result.stderr

    def test_list_diff_check_and_ineligible(self, run: Callable[..., Any], tmp_path: Path) -> None:
        assert "centre:1" in run("frame", "list").stdout
        assert json.loads(run("frame", "list", "--json").stdout)[0]["state"] == "active"
        compared = run("frame", "diff", "centre:1", str(examples.FRAME))
        assert compared.exit_code == 0
        assert "centre:1 becomes contact-centre:1." in compared.stdout
        assert "They are the same." in run("frame", "diff", "centre:1", "centre:1").stdout
        checked = run("frame", "check", str(examples.FRAME))
        assert checked.exit_code == 0
        assert "is valid, 15 strata" in checked.stdout
        report = run("ineligible", "--from", "2026-03-02", "--to", "2026-03-09", "--by", "team")
        assert "customer_not_told" in report.stdout
        assert run("ineligible", "--by", "mood").exit_code == 2
        by_notice = run("ineligible", "--from", "2026-03-02", "--to", "2026-03-09", "--by", "notice", "--json")
        assert by_notice.exit_code == 0, by_notice.stderr
        told = json.loads(by_notice.stdout)
        assert told["gone"] == told["looked_at"] == told["of"], "this broker never had the week's records"

    def test_preview_and_plan(self, run: Callable[..., Any]) -> None:
        # The week lies in the past: the span that still holds it.
        span = f"{(datetime.now(UTC).date() - STARTS.date()).days + 1}d"
        shown = run("frame", "preview", "centre:1", "--history", span, "--reviewer-hours", "1")
        assert shown.exit_code == 0, shown.stderr
        assert "Reviews by day" in shown.stdout
        told = json.loads(run("frame", "preview", "centre:1", "--history", span, "--json").stdout)
        assert told["drawn"] > 0
        assert told["drawn"] == sum(one["drawn"] for one in told["strata"])
        assert sum(told["queues"].values()) == told["reviews"]
        planned = run("frame", "plan", "centre:1", "--history", span, "--reviewer-hours", "40", "--json")
        assert planned.exit_code == 0, planned.stderr
        assert "rate:" in json.loads(planned.stdout)["yaml"]
        assert run("frame", "preview", "centre:1", "--history", "yesterday").exit_code == 2

    def test_sign_and_verify_signature(self, run: Callable[..., Any], tmp_path: Path) -> None:
        draft = tmp_path / "draft.yaml"
        draft.write_text(examples.FRAME.read_text())
        assert run("frame", "key", "frames.key").exit_code == 0
        assert run("frame", "sign", "draft.yaml", "--key", "frames.key").exit_code == 0
        good = run("frame", "verify-signature", "draft.yaml", "--key", "frames.key.pub")
        assert good.exit_code == 0
        assert "is unchanged since it was signed" in good.stdout
        unsigned = run("frame", "verify-signature", "centre:1", "--key", "frames.key.pub")
        assert unsigned.exit_code == 1
        assert "centre:1 is not signed" in unsigned.stderr
