"""Spot checks on both stores: asked for once, sent once, and shown as the log took them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desk.errors import Conflict, Invalid
from desk.intake import Arrived
from desk.outbox import Outgoing, Publisher
from desk.people.authorisation import Actor
from desk.views import CheckView
from schemas.request import CheckRequest
from tests.contract.test_desk_store import Sent, together
from tests.fixtures.desk import MONDAY, DeskForTests, arrived, make_task

pytestmark = pytest.mark.postgresql


def check_of(desk: DeskForTests, actor: Actor, check_id: str, **about: str) -> CheckView:
    return desk.desk.checks.ask(actor, check_id, about=about, n=2, within=timedelta(hours=4), reason="Calls today")


def test_a_spot_check_leaves_once_however_often_it_is_asked_for(any_desk: DeskForTests) -> None:
    sian, gwen = any_desk.person("sian", "supervisor"), any_desk.person("gwen", "quality_manager")
    check_id = "spot-" + "5a" * 16
    views = together(*[lambda: check_of(any_desk, sian, check_id, colleague_id="c-1")] * 4)
    assert {view.state for view in views} == {"on_its_way"}
    (sent,) = sent_records(any_desk)
    request = CheckRequest.model_validate_json(sent.value)
    assert (sent.topic, sent.key, dict(sent.headers)["ce_type"]) == (
        "check-requests",
        f"{check_id}:1".encode(),
        b"tafol.check-request.v1",
    )
    assert (request.asked_by, request.n, request.when.named) == (sian.account_id, 2, {"colleague_id": ("c-1",)})
    any_desk.pass_time(minutes=3)  # pressed once more: the check that is there, with its first times
    assert check_of(any_desk, sian, check_id, colleague_id="c-1").request == request
    with pytest.raises(Conflict):
        check_of(any_desk, gwen, check_id, colleague_id="c-1")
    assert sent_records(any_desk) == []
    trail = any_desk.desk.audit.entries(any_desk.person("admin", "administrator"))
    assert [(one.actor_id, one.subject) for one in trail if one.action == "check.ask"] == [(sian.account_id, check_id)]


def test_how_a_check_stands_is_what_the_log_says(any_desk: DeskForTests) -> None:
    sian = any_desk.person("sian", "supervisor")
    for n, name in enumerate(("in time", "late")):
        check_of(any_desk, sian, f"spot-{n:016x}", team_id="team-1")
        (sent,) = sent_records(any_desk)
        minutes = 0 if name == "in time" else 2
        came = Arrived(sent.topic, 0, n, int((MONDAY + timedelta(minutes=minutes)).timestamp() * 1000), sent.value)
        assert any_desk.intake.registers([came]) == 1
        assert any_desk.intake.registers([came]) == 0
    from_elsewhere = CheckRequest.model_validate_json(sent.value).model_copy(
        update={"id": "plan/2026-09-08T09:00", "asked_by": "engineer", "purpose": "planned"}
    )
    any_desk.intake.registers([arrived("check-requests", from_elsewhere.model_dump_json())])
    found = {one.request.id: (one.state, one.asked_name) for one in any_desk.desk.checks.checks(sian)}
    assert found == {
        "spot-0000000000000000": ("to_come", "Sian"),
        "spot-0000000000000001": ("void", "Sian"),
        "plan/2026-09-08T09:00": ("to_come", None),
    }


def test_nobody_asks_for_a_check_of_themselves(any_desk: DeskForTests) -> None:
    sian = any_desk.person("sian", "supervisor", colleague_id="c-1")
    any_desk.add(make_task())
    with pytest.raises(Invalid) as refused:
        check_of(any_desk, sian, "spot-" + "0" * 16, colleague_id="c-1")
    assert refused.value.problems[0].code == "own_check"
    assert any_desk.desk.checks.colleagues(sian) == {}
    assert sent_records(any_desk) == []


def sent_records(desk: DeskForTests) -> list[Outgoing]:
    """What the outbox sends now."""
    sender = Sent()
    publisher = Publisher(desk.database, sender)
    while publisher.send_some(desk.at):
        pass
    return sender.records
