"""Records to rows: every topic has its tables, every row their columns; what cannot be read stops or is left out."""

import json
from typing import Any

import pytest

from schemas import catalogue as c
from schemas.errors import SinkFatal
from schemas.rejected import rejected_headers
from sinks.batching import block
from sinks.rows import ROWS_OF, SinkChunk, rows_of
from sinks.tables import TABLES
from tests.unit.sinks import records as r

pytestmark = pytest.mark.unit


def rows(chunk: SinkChunk, table: str) -> list[dict[str, Any]]:
    lines = block(rows_of(chunk).pieces.get(table, []))
    assert lines == b"" or lines.endswith(b"\n")
    return [json.loads(line) for line in lines.splitlines()]


def test_every_topic_but_the_sources_and_the_registers_is_read() -> None:
    assert set(ROWS_OF) == set(c.MESSAGES) - {*c.SOURCE_TOPICS, *c.REGISTERS, c.CANDIDATES}


def test_every_row_has_the_columns_of_its_table_and_no_other() -> None:
    seen = {}
    for chunk in r.everything(4):
        for table, pieces in rows_of(chunk).pieces.items():
            rows = [json.loads(line) for line in block(pieces).splitlines()]
            assert all(len(row) == len(TABLES[table].columns) for row in rows)
            seen[table] = {tuple(sorted(row)) for row in rows if isinstance(row, dict)}
    wanted = {name: {tuple(sorted(TABLES[name].columns))} for name in TABLES if name != "sink_positions"}
    assert seen == wanted | {"transactions": set()}


def test_decided_lines_go_in_as_they_are() -> None:
    value = r.decided_lines([r.decided(0), r.decided(1)])
    rows = value.split(b"\n", 1)[1]
    made = rows_of(r.chunk(c.DECIDED, value, value, first_offset=8))
    assert block(made.pieces["transactions"]) == rows + rows
    assert [(piece.offset, piece.rows) for piece in made.pieces["transactions"]] == [(8, 2), (9, 2)]
    assert (made.first_offset, made.next_offset) == (8, 10)


def test_decided_lines_of_former_versions_become_the_same_rows() -> None:
    records = [r.decided(0), r.decided(1)]
    former, now = (
        rows_of(r.chunk(c.DECIDED, value)).pieces["transactions"]
        for value in (r.json_lines(records), r.decided_lines(records))
    )
    assert block(former) == block(now)


WHOLE = r.decided_lines([r.decided(0)])


@pytest.mark.parametrize(
    "value",
    [
        b"", b"\n", b'[{"id":"a"}]', b'{"id":"a"', b'{"id":"a"}\n\n{"id":"b"}\n', b'{"id":"a"}\r\n', WHOLE[:-1],
        WHOLE + b"\n", WHOLE.split(b"\n", 1)[0] + b"\n", WHOLE.replace(b'"channel",', b"", 1), WHOLE + b"{}\n",
    ],
)  # fmt: skip
def test_a_decided_record_that_is_not_as_tafol_writes_it_stops_the_sink(value: bytes) -> None:
    with pytest.raises(SinkFatal, match=r"transactions.decided\[0\]@3 cannot be read"):
        rows_of(r.chunk(c.DECIDED, value, first_offset=3))


@pytest.mark.parametrize("topic", [c.POPULATION_COUNTS, c.READ_COUNTS, c.SELECTIONS, c.REVIEW_TASKS, c.SCORES])
@pytest.mark.parametrize("value", [b"secret", b'{"secret":1}', b"\xff", None])
def test_an_unreadable_record_of_ours_stops_the_sink_and_is_not_quoted(topic: str, value: bytes | None) -> None:
    with pytest.raises(SinkFatal) as stopped:
        rows_of(SinkChunk(r.at(topic, 2), [r.Logged(11, value)]))
    assert f"{topic}[2]@11" in stopped.value.message
    assert stopped.value.__cause__ is None


def test_a_bad_review_makes_no_row_and_its_neighbours_go_on() -> None:
    made = rows_of(r.chunk(c.REVIEWS, r.review(1), b"oops", None, b'{"revision":-1}', r.review(2)))
    assert [piece.offset for piece in made.pieces["reviews"]] == [0, 4]
    assert made.next_offset == 5


def test_a_review_is_one_row_and_one_a_criterion() -> None:
    chunk = r.chunk(c.REVIEWS, r.review(1, revision=2))
    (review,) = rows(chunk, "reviews")
    ratings = rows(chunk, "review_ratings")
    assert (review["review_id"], review["revision"], review["outcome"]) == ("t-1|service|1", 2, "submitted")
    assert [(rating["criterion"], rating["value"]) for rating in ratings] == [("greeting", 1.0), ("solution", None)]


def test_a_review_that_nobody_took_has_no_reviewer_and_no_ratings() -> None:
    made = rows_of(r.chunk(c.REVIEWS, r.review(1, "expired")))
    assert set(made.pieces) == {"reviews"}
    assert json.loads(block(made.pieces["reviews"]))["reviewer_id"] == ""


def test_what_reviewers_write_stays_on_the_desk() -> None:
    said = r.review(1).model_copy(update={"strengths": ("warm words",), "development_points": ("slow",)})
    made = rows_of(r.chunk(c.REVIEWS, said))
    assert all(b"warm" not in piece.lines for pieces in made.pieces.values() for piece in pieces)


def test_a_score_is_one_row_and_one_a_criterion_and_none_when_nothing_applied() -> None:
    made = rows_of(
        r.chunk(c.SCORES, r.score(1, 80.0, criteria=("greeting", "solution")), r.score(2, None, criteria=()))
    )
    assert [piece.rows for piece in made.pieces["scores"]] == [1, 1]
    assert [piece.rows for piece in made.pieces["score_criteria"]] == [2]


@pytest.mark.parametrize("topic", [c.REJECTED, c.REVIEWS_REJECTED])
def test_rejected_keeps_origin_and_reason_and_no_payload(topic: str) -> None:
    (row,) = rows(r.rejected_chunk(r.rejected(9), topic=topic), "rejected")
    assert (row["source_topic"], row["source_offset"], row["reason"], row["bytes"]) == (
        "transactions.phone",
        9,
        "invalid",
        4,
    )
    assert row["log_topic"] == topic
    assert "oops" not in json.dumps(row)


def test_a_rejected_tombstone_is_a_row_too() -> None:
    chunk = SinkChunk(r.at(c.REJECTED), [r.Logged(0, None, rejected_headers(r.rejected(9)))])
    assert [row["bytes"] for row in rows(chunk, "rejected")] == [0]


def test_a_rejected_record_without_its_headers_stops_the_sink() -> None:
    with pytest.raises(SinkFatal, match=r"transactions.rejected\[0\]@0"):
        rows_of(SinkChunk(r.at(c.REJECTED), [r.Logged(0, b"oops")]))


def test_a_topic_without_a_table_stops_the_sink() -> None:
    with pytest.raises(SinkFatal, match="no table for topic snapshots"):
        rows_of(r.chunk("snapshots", b"{}"))


def test_a_series_point_and_an_agreed_reference_each_have_a_table() -> None:
    agreed = r.agreed(2).model_dump() | {
        "references": [{"scorecard": r.SCORECARD, "stratum": "all", "reference_0_100": 77.5}]
    }
    chunk = r.chunk(c.SERIES_POINTS, r.point(1, 80.0), type(r.agreed(2)).model_validate(agreed), first_offset=6)

    [point] = rows(chunk, "series_points")
    [reference] = rows(chunk, "agreed_references")
    assert (point["series_id"], point["series"], point["score_0_100"]) == ("team=north", {"team": "north"}, 80.0)
    assert (point["detectors_id"], point["log_offset"]) == ("quality", 6)
    assert (reference["cells"], reference["references_0_100"]) == (["service:1/all"], [77.5])


def test_an_alert_and_what_a_person_did_about_it() -> None:
    [alert] = rows(r.chunk(c.ALERTS, r.alert(3)), "alerts")
    [action] = rows(r.chunk(c.ALERT_ACTIONS, r.alert_action(1, "resolve", of=3)), "alert_actions")

    assert (alert["state"], alert["closed_because"], alert["detectors_version"]) == ("open", "", 1)
    assert (action["alert_id"], action["action"], action["acted_by"]) == (alert["alert_id"], "resolve", "supervisor")
