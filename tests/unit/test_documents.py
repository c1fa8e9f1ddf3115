"""Documents that people write: what is read, and what is said about what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import CHANNELS
from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.scorecard import ERROR_CLASSES
from tafol import examples
from tafol.documents import (
    DocumentInvalid,
    Problem,
    read_check_calendar,
    read_detectors,
    read_frame,
    read_notices,
    read_scorecard,
    with_seed,
)
from tafol.yaml_tree import MAX_BYTES, YamlProblem, parse_yaml, plain

pytestmark = pytest.mark.unit

SEED = bytes(range(32))
FRAME = """\
id: centre
version: 1
holds_from: 2026-01-01T00:00:00Z
lawful_purpose: quality of service
strata:
  - name: sales
    when: {channel: chat, topic: [sales]}
    draw:
      method: random
      rate: 0.25
  - name: rest
    draw: {method: systematic, every: 10}
routes:
  - queue: all
    scorecard: chat
"""
NOTICES = """\
id: centre
version: 1
holds_from: 2026-01-01T00:00:00Z
notices:
  - id: chat-banner
    audience: customer
    channels: chat
    valid_from: 2026-01-01T00:00:00Z
    text: {en: This chat is saved., cy: Caiff y sgwrs hon ei chadw.}
"""
SCORECARD = """\
id: chat
version: 1
holds_from: 2026-01-01T00:00:00Z
title: {en: Chat, cy: Sgwrs}
scoring_rule: 1
critical:
  customer: {effect: cap, cap_0_100: 40}
sections:
  - id: all
    label: {en: All, cy: Y cyfan}
    criteria:
      - id: accuracy
        label: {en: Accuracy, cy: Cywirdeb}
        weight: 2.5
        scale: {kind: points, lowest: 1, highest: 4}
        na_allowed: no
        error_class: customer
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "written.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def frame_problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(DocumentInvalid) as refused:
        read_frame(written(folder, text))
    return [str(problem) for problem in refused.value.problems]


def scorecard_problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(DocumentInvalid) as refused:
        read_scorecard(written(folder, text))
    return [str(problem) for problem in refused.value.problems]


def test_a_frame_is_read_and_given_its_seed(tmp_path: Path) -> None:
    document = read_frame(written(tmp_path, FRAME))

    frame = document.with_seed(SEED)
    assert not document.has_seed
    assert frame.seed_bytes == SEED
    assert frame.holds_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert frame.strata[0].when.channel == ("chat",)
    assert frame.strata[0].draw.model_dump() == {"method": "random", "rate": 0.25}


def test_a_seed_that_is_written_stays(tmp_path: Path) -> None:
    document = read_frame(written(tmp_path, f"{FRAME}seed: {'ab' * 32}\n"))

    assert document.has_seed
    assert document.with_seed(SEED).seed == "ab" * 32


def test_a_seed_has_its_length() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        with_seed({}, b"abc")


def test_a_frame_travels_as_json_and_comes_back_the_same(tmp_path: Path) -> None:
    frame = read_frame(written(tmp_path, FRAME)).with_seed(SEED)

    assert SamplingFrame.model_validate_json(frame.model_dump_json()) == frame


def test_notices_and_scorecards_are_read(tmp_path: Path) -> None:
    notices = read_notices(written(tmp_path, NOTICES))
    scorecard = read_scorecard(written(tmp_path, SCORECARD))

    [criterion] = scorecard.criteria
    assert notices.notices[0].channels == ("chat",)
    assert (criterion.weight, criterion.scale.highest, criterion.na_allowed) == (2.5, 4, False)
    assert scorecard.critical_rule("customer").cap_0_100 == 40


def test_what_yaml_1_1_would_misread_is_read_as_meant(tmp_path: Path) -> None:
    surprising = FRAME.replace("[sales]", "[no, on, 010, 2026, 1_000]").replace(
        "chat, topic", "chat, language: no, topic"
    )
    hours = "working_hours: {days: 3, opens: 08:00, closes: 17:30}\n"

    frame = read_frame(written(tmp_path, surprising + hours)).with_seed(SEED)

    assert frame.strata[0].when.topic == ("no", "on", "010", "2026", "1_000")
    assert frame.strata[0].when.language == ("no",)
    assert (frame.working_hours.days, frame.working_hours.closes) == ((3,), time(17, 30))


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    text = FRAME.replace("draw: {method: systematic", "draw: &tenth {method: systematic").replace(
        "  - name: rest", "  - name: bills\n    when: {topic: bills}\n    draw: {method: none}\n  - name: rest"
    )
    merged = text.replace(
        "routes:", "eligibility: {<<: &short {minimum_length_s: 20}, customer_told_within_s: 5}\nroutes:"
    )

    frame = read_frame(written(tmp_path, merged)).with_seed(SEED)

    assert (frame.eligibility.minimum_length_s, frame.eligibility.customer_told_within_s) == (20, 5)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        pytest.param(
            "rate:", "rat:",
            ["line 8: strata[0].draw.rate: is missing",
             "line 10: strata[0].draw.rat: is not a field here; did you mean 'rate'?"],
            id="a field with a slip",
        ),
        pytest.param(
            "lawful_purpose:", "lawfull_purpose:",
            ["line 1: lawful_purpose: is missing",
             "line 4: lawfull_purpose: is not a field here; did you mean 'lawful_purpose'?"],
            id="a slip at the top",
        ),
        pytest.param(
            "channel: chat", "chanel: chat",
            ["line 7: strata[0].when.chanel: is not a field here; did you mean 'channel'?"],
            id="a slip in a condition",
        ),
        pytest.param(
            "queue: all", "queue: all\n    zzz: 1",
            [("line 15: routes[0].zzz: is not a field here; "
              "one of when, queue, scorecard, priority, due_working_hours, skills is wanted")],
            id="a field that is like no other",
        ),
        pytest.param(
            "channel: chat", "channel: fone",
            ["line 7: strata[0].when.channel: 'fone': did you mean 'phone'?"],
            id="a single value of a list",
        ),
        pytest.param(
            "channel: chat", "channel: [chat, letter]",
            ["line 7: strata[0].when.channel[1]: 'letter': one of phone, chat, face_to_face is wanted"],
            id="one of a list",
        ),
        pytest.param(
            "method: random", "method: randm",
            ["line 9: strata[0].draw.method: 'randm': did you mean 'random'?"],
            id="an unknown kind",
        ),
        pytest.param(
            "      method: random\n", "", ["line 8: strata[0].draw: does not say which kind it is"], id="no kind"
        ),
        pytest.param(
            "rate: 0.25", "rate: 25%", ["line 10: strata[0].draw.rate: '25%' is not a number"], id="no number"
        ),
        pytest.param(
            "rate: 0.25", "rate: 25",
            ["line 10: strata[0].draw.rate: '25' should be less than or equal to 1"],
            id="a number out of bounds",
        ),
        pytest.param("rate: 0.25", "rate:", ["line 10: strata[0].draw.rate: has no value"], id="null"),
        pytest.param(
            "2026-01-01T00:00:00Z", "2026-01-01 00:00",
            [("line 3: holds_from: '2026-01-01 00:00' has no time zone; "
              "write for example 2026-01-01T00:00:00Z, or +01:00 for Z")],
            id="no time zone",
        ),
        pytest.param(
            "2026-01-01T00:00:00Z", "1 January",
            ["line 3: holds_from: '1 January' is not a date and time; write for example 2026-01-01T00:00:00Z"],
            id="no time",
        ),
        pytest.param(
            "strata:", "time_zone: Europe/Cardiff\nstrata:",
            ["line 5: time_zone: no such time zone: 'Europe/Cardiff'"],
            id="a zone there is not",
        ),
        pytest.param(
            "routes:", "working_hours:\n  opens: 9:30\nroutes:",
            ["line 14: working_hours.opens: '9:30' is not a time of day; write for example 09:30"],
            id="half past nine",
        ),
        pytest.param(
            "name: rest\n", "name: rest\n    when: {topic: bills}\n",
            ["line 1: the last stratum must take all that is left: give it no 'when', or say 'catch_all: refused'"],
            id="the frame as a whole",
        ),
        pytest.param(
            "name: sales", "name: Sales talk",
            ["line 6: strata[0].name: 'Sales talk': a stratum's name holds small letters, digits and _ / . - only"],
            id="a name of the wrong form",
        ),
        pytest.param(
            "version: 1", "version: one\nversion: 1",
            ["line 3: version: stands twice; it was given on line 2 before"],
            id="a field twice",
        ),
        pytest.param(
            "strata:", "overlap: yes please\nstrata:",
            ["line 5: overlap: 'yes please' must hold fields of its own"],
            id="no mapping",
        ),
        pytest.param(
            "channel: chat", "channel: []", ["line 7: strata[0].when.channel: must not be empty"], id="an empty list"
        ),
        pytest.param("  - name: sales", "\t- name: sales", ["line 6: a tab stands here; indent with spaces"], id="tab"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_field(tmp_path: Path, was: str, now: str, said: list[str]) -> None:
    assert was in FRAME

    assert frame_problems(tmp_path, FRAME.replace(was, now)) == said


def test_every_problem_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_frame(written(tmp_path, FRAME.replace("version: 1", "version: x").replace("every: 10", "every: 0")))

    first, second = refused.value.message.splitlines()
    assert first.endswith("written.yaml: line 2: version: 'x' is not a whole number")
    assert "line 12: strata[1].draw.every" in second


def test_a_seed_is_never_quoted(tmp_path: Path) -> None:
    [problem] = frame_problems(tmp_path, f"{FRAME}seed: secret0123\n")

    assert "secret0123" not in problem
    assert problem.startswith("line 16: seed: ")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        pytest.param(
            "customer: {effect", "custmer: {effect",
            "line 7: critical.custmer: 'custmer': did you mean 'customer'?",
            id="key of a mapping",
        ),
        pytest.param(
            "kind: points, lowest: 1, highest: 4", "kind: pass_fail, lowest: 1, highest: 4",
            "line 15: sections[0].criteria[0].scale: a pass_fail scale runs from 0 to 1",
            id="a rule of the scale",
        ),
        pytest.param(
            "cap_0_100: 40", "cap: 40",
            "line 7: critical.customer.cap: is not a field here; did you mean 'cap_0_100'?",
            id="a slip in a mapping's value",
        ),
        pytest.param(
            "scoring_rule: 1", "scoring_rule: 2",
            "line 5: scoring_rule: '2': one of 1 is wanted",
            id="a rule there is not",
        ),
        pytest.param(
            "{en: Accuracy, cy: Cywirdeb}", "{en: Accuracy}",
            "line 13: sections[0].criteria[0].label.cy: is missing",
            id="no Welsh",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_scorecard_is_said(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in SCORECARD

    assert said in scorecard_problems(tmp_path, SCORECARD.replace(was, now))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(b"", (1, "", "the file is empty"), id="empty"),
        pytest.param(b"# nothing\n", (1, "", "the file is empty"), id="a comment alone"),
        pytest.param(b"- a\n- b\n", (1, "", "the file must hold fields, one 'name: value' a line"), id="a list"),
        pytest.param(b"id: a\nid2: \xff\n", (2, "", "the file is not UTF-8; save it as UTF-8"), id="another encoding"),
        pytest.param(b"id: a\n---\nid: b\n", (2, "", "a second document begins here; one file holds one"), id="two"),
        pytest.param(b"id: *a\n", (1, "", "no anchor comes before this alias: 'a'"), id="no anchor"),
        pytest.param(b"id: &a [*a]\n", (1, "id[0]", "this anchor holds an alias of itself"), id="a circle"),
        pytest.param(
            b"id: a\nx: !!python/name:os.system y\n",
            (2, "x", "tag !!python/name:os.system is not taken; write the value alone"),
            id="a Python object",
        ),
        pytest.param(b"[" * 5000, (1, "", "lists and mappings are nested too deeply"), id="depth"),
        pytest.param(b" " * (MAX_BYTES + 1), (1, "", "the file is larger than 1024 KiB"), id="size"),
    ],
)
def test_a_file_that_is_no_document_is_refused_in_words(
    tmp_path: Path, raw: bytes, problem: tuple[int, str, str]
) -> None:
    path = tmp_path / "written.yaml"
    path.write_bytes(raw)

    with pytest.raises(DocumentInvalid) as refused:
        read_frame(path)

    assert refused.value.problems == (Problem(*problem),)


def test_a_small_file_cannot_fill_the_memory() -> None:
    nines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(["a0: &a0 [x]", *nines])

    with pytest.raises(YamlProblem, match="aliases of aliases"):
        parse_yaml(bomb.encode())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: No such file"):
        read_frame(tmp_path / "absent.yaml")


values = st.recursive(
    st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.dictionaries(st.text(max_size=8), values, min_size=1, max_size=5), st.booleans())
def test_texts_lists_and_mappings_are_read_as_any_yaml_writer_writes_them(tree: dict[str, Any], flow: bool) -> None:
    raw = yaml.safe_dump(tree, default_flow_style=flow, default_style='"', allow_unicode=True).encode()

    assert plain(parse_yaml(raw)) == tree


@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!?|>'\"# \n\t<%@,0~", max_size=60).map(str.encode))
def test_no_bytes_bring_more_than_a_problem_with_its_line(raw: bytes) -> None:
    problem: YamlProblem | None = None
    try:
        parse_yaml(raw)
    except YamlProblem as found:
        problem = found
    assert problem is None or 1 <= problem.line <= raw.count(b"\n") + 2


def test_the_shipped_documents_fit_together() -> None:
    frame = read_frame(examples.FRAME).with_seed(SEED)
    notices = read_notices(examples.NOTICES)
    scorecards = {card.id: card for card in map(read_scorecard, examples.SCORECARDS)}

    assert {route.scorecard for route in frame.routes} == set(scorecards)
    assert {route.queue for route in frame.routes} == {"phone-en", "phone-cy", "chat-en", "chat-cy", "counter"}
    assert 8 <= len(frame.strata) <= 20
    assert {stratum.draw.method for stratum in frame.strata} == {"random", "systematic", "none"}
    told = {channel for notice in notices.notices if notice.audience == "customer" for channel in notice.channels}
    assert told == set(CHANNELS)
    for card in scorecards.values():
        assert 10 <= len(card.criteria) <= 14
        assert {one.error_class for one in card.criteria if one.error_class} == set(ERROR_CLASSES)
        assert len({one.scale.kind for one in card.criteria}) == 3
        texts = [card.title, *(section.label for section in card.sections), *(one.label for one in card.criteria)]
        assert all(text.en != text.cy for text in texts)


def test_the_shipped_detectors_can_be_read() -> None:
    found = read_detectors(examples.DETECTORS)

    channel, team, errors = found.series
    assert (channel.of, team.of, errors.of) == (("channel",), ("team",), ("channel", "error_class"))
    assert [found.threshold(kind) for kind in found.series] == [20 * 1500, 20 * 700, 20 * 1500]
    assert [found.reference_size(kind) for kind in found.series] == [300, 200, 200]
    assert [found.tolerance(kind) for kind in found.series] == [2, 2, 3]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param("reference_reviews: 20", "greater than or equal to 30", id="too small a reference"),
        pytest.param("series: [{of: temperature, count: 3}]", "temperature", id="no such dimension"),
        pytest.param("series: [{of: [criterion, error_class], count: 3}]", "not of both", id="two measures"),
        pytest.param("series: [{of: team, count: 3}, {of: [team], count: 5}]", "listed twice", id="twice"),
        pytest.param("series: [{of: [team, team], count: 3}]", "named twice", id="a dimension twice"),
        pytest.param("bets: [0.1, 1.0]", "less than 1", id="all on one bet"),
    ],
)
def test_detectors_that_make_no_sense_are_refused_in_words(tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "detectors.yaml"
    file.write_text(f"id: quality\nversion: 1\nholds_from: 2026-01-01T00:00:00Z\n{written}\n")

    with pytest.raises(DocumentInvalid, match=said) as refused:
        read_detectors(file)
    assert {problem.line for problem in refused.value.problems} <= {1, 4}


def test_the_shipped_files_are_all_named() -> None:
    named = {examples.FRAME, examples.NOTICES, examples.DETECTORS, examples.CHECKS, *examples.SCORECARDS}

    assert set(examples.FOLDER.glob("*.yaml")) == named


@pytest.mark.parametrize(
    ("read", "file", "said"),
    [
        (read_frame, "phone.yaml", "line 6: this is a scorecard (tafol scorecard), not a sampling frame (tafol frame)"),
        (read_scorecard, "frame.yaml", "this is a sampling frame (tafol frame), not a scorecard"),
        (read_check_calendar, "notices.yaml", "this is a file of notices (tafol notices), not a calendar of checks"),
    ],
)
def test_another_kind_of_document_is_called_what_it_is(read: Callable[[Path], object], file: str, said: str) -> None:
    with pytest.raises(DocumentInvalid) as told:
        read(examples.FOLDER / file)
    assert len(told.value.problems) == 1
    assert said in str(told.value)
