"""Erasure on both stores: what was here goes, what comes later does not stay, and the trail names nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from desk.errors import Invalid
from desk.store.tables import ContentRow, ErasureRow
from desk.views import Erased, Mark
from tests.contract.test_desk_store import TRANSACTION, together, token_of
from tests.fixtures.desk import COMPLETE, DeskForTests, make_task

pytestmark = pytest.mark.postgresql
THEIRS, OTHERS = "0f" * 16, "ab" * 16
NOTED = replace(
    COMPLETE,
    ratings=(replace(COMPLETE.ratings[0], marks=(Mark(line=1, note="says her name"),)), *COMPLETE.ratings[1:]),
)


def test_what_was_here_goes_and_what_comes_later_does_not_stay(any_desk: DeskForTests) -> None:
    ann, admin = any_desk.person("ann"), any_desk.person("admin", "administrator")
    first, half, other = any_desk.add(
        make_task("t-1"),
        make_task("t-2"),
        make_task("t-3", transaction={"customer_pseudonym": OTHERS}),
    )
    for name in ("t-1", "t-2", "t-3"):
        any_desk.intake.content(name, TRANSACTION.replace(b'"t-1"', f'"{name}"'.encode()))
    queues = any_desk.desk.queues
    for number in (first, other):
        queues.submit(ann, number, token_of(queues.claim(ann, number))[1], NOTED)
    queues.save_draft(ann, half, token_of(queues.claim(ann, half))[1], NOTED)

    done = any_desk.desk.erasures.erase(admin, THEIRS)
    assert (done.transactions, done.notes) == (2, 2)
    form = queues.form(ann, half)
    assert (form.content.state, form.content.chat) == ("gone", ())
    assert form.draft.ratings[0].marks == (Mark(line=1, note=""),)
    assert form.draft.ratings[0].comment == "Warm"
    notes = [any_desk.desk.reviews.review(ann, number).ratings[0].marks[0].note for number in (first, other)]
    assert notes == ["", "says her name"]
    assert queues.form(any_desk.person("lead", "supervisor"), other).content.state == "kept"

    (later,) = any_desk.add(make_task("t-4"))  # read again, or the same customer comes back
    assert any_desk.intake.wanted(10) == []
    any_desk.intake.content("t-4", TRANSACTION.replace(b'"t-1"', b'"t-4"'))
    with any_desk.database.read() as session:
        row = session.get(ContentRow, "t-4")
        assert row is not None
        assert (row.state, row.document) == ("gone", None)
    assert any_desk.desk.erasures.erase(admin, THEIRS) == Erased(done.number, 0, 0)
    trail = [one for one in any_desk.desk.audit.entries(admin) if one.action == "customer.erase"]
    assert {one.subject for one in trail} == {f"erasure-{done.number}"}
    assert THEIRS not in str(trail)
    assert later


def test_the_same_asked_for_twice_at_once_is_one(any_desk: DeskForTests) -> None:
    admin = any_desk.person("admin", "administrator")
    found = together(*[lambda: any_desk.desk.erasures.erase(admin, THEIRS)] * 3)
    assert {one.number for one in found} == {found[0].number}
    with any_desk.database.read() as session:
        assert len(session.scalars(select(ErasureRow)).all()) == 1


def test_what_is_no_pseudonym_is_refused(any_desk: DeskForTests) -> None:
    with pytest.raises(Invalid):
        any_desk.desk.erasures.erase(any_desk.person("admin", "administrator"), "customer-77")
