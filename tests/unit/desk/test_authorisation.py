"""Who may do what: the table, and every service that asks it, for every action and role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest

from desk.errors import DeskError, NotAllowed
from desk.people.authorisation import ACTIONS, MATRIX, ROLES, SCOPE_OF, SCOPES, Action, Actor, Role, Scope, require
from desk.services import Desk
from desk.services.trends import Filters
from desk.views import NewPerson
from tests.fixtures.desk import COMPLETE, MONDAY, DeskForTests, make_task

pytestmark = pytest.mark.unit

TABLE: dict[str, str] = {
    # action: reviewer supervisor quality_manager colleague judge administrator
    "queue.list": "r s q . . .",
    "task.claim": "r . . . . .",
    "task.work": "r . . . . .",
    "task.see_all": ". s q . . .",
    "task.reassign": ". s q . . .",
    "task.override": ". s q . . .",
    "review.own": "r . . . . .",
    "review.withdraw": ". . q . . .",
    "score.own": ". . . c . .",
    "people.see": ". s q . . a",
    "people.edit": ". . . . . a",
    "absence.own": "r s q . . .",
    "absence.any": ". s q . . .",
    "token.own": "r s q . . .",
    "scorecard.see": "r s q c . a",
    "register.propose": ". . q . . .",
    "register.agree": ". s q . . .",
    "register.activate": ". . q . . .",
    "frame.see": ". s q . . .",
    "coverage.see": ". s q . . .",
    "trend.see": ". s q . . .",
    "trend.own": ". . . c . .",
    "alert.see": ". s q . . .",
    "alert.act": ". s q . . .",
    "check.ask": ". s q . . .",
    "observation.plan": ". s q . . .",
    "observation.record": "r s . . . .",
    "judging.see": ". . . . j .",
    "customer.erase": ". . . . . a",
    "audit.see": ". . q . . a",
}

LAST_WEEK = Filters(MONDAY.date() - timedelta(days=7), MONDAY.date(), by="colleague")
Call = Callable[[Desk, Actor], Any]
CALLS: dict[Action, list[Call]] = {
    "queue.list": [lambda d, a: d.queues.queues(a)],
    "task.claim": [
        lambda d, a: d.queues.claim_next(a, "chat"),
        lambda d, a: d.queues.claim(a, 1),
        lambda d, a: d.queues.mine(a),
    ],
    "task.work": [
        lambda d, a: d.queues.heartbeat(a, 1, 1),
        lambda d, a: d.queues.save_draft(a, 1, 1, COMPLETE),
        lambda d, a: d.queues.preview(a, 1, COMPLETE),
        lambda d, a: d.queues.submit(a, 1, 1, COMPLETE),
        lambda d, a: d.queues.skip(a, 1, 1, "why"),
        lambda d, a: d.queues.give_back(a, 1, 1),
        lambda d, a: d.reviews.correct(a, 1, COMPLETE, "why"),
    ],
    "task.see_all": [lambda d, a: d.queues.tasks(a), lambda d, a: d.people.workload(a)],
    "task.reassign": [lambda d, a: d.queues.reassign(a, 1, None, "why")],
    "task.override": [
        lambda d, a: d.queues.override(a, 1, "end_lease", "why"),
        lambda d, a: d.queues.set_queue_skills(a, "chat", []),
    ],
    "review.own": [lambda d, a: d.reviews.recent(a)],
    "review.withdraw": [lambda d, a: d.reviews.withdraw(a, 1, "why")],
    "score.own": [lambda d, a: d.reviews.about_me(a), lambda d, a: d.reviews.my_scores(a)],
    "people.see": [lambda d, a: d.people.people(a), lambda d, a: d.people.person(a, "p-other")],
    "people.edit": [
        lambda d, a: d.people.create(a, NewPerson("x", "X", ("judge",)), None),
        lambda d, a: d.people.change(a, "p-other", NewPerson("x", "X", ("judge",))),
        lambda d, a: d.people.set_password(a, "p-other", "long enough to do"),
        lambda d, a: d.people.confirm_not_a_colleague(a, "p-other"),
        lambda d, a: d.people.import_csv(a, "login,name,roles\n"),
    ],
    "absence.own": [lambda d, a: d.people.absences(a, a.account_id)],
    "absence.any": [
        lambda d, a: d.people.absences(a),
        lambda d, a: d.people.add_absence(a, "p-other", MONDAY, MONDAY + timedelta(days=1)),
    ],
    "token.own": [
        lambda d, a: d.people.tokens(a),
        lambda d, a: d.people.issue_token(a, "t", ["queue.read"]),
        lambda d, a: d.people.revoke_token(a, 99),
    ],
    "scorecard.see": [lambda d, a: d.scorecards.versions(a), lambda d, a: d.scorecards.scorecard(a, "chat", 1)],
    "register.propose": [lambda d, a: d.scorecards.propose(a, ""), lambda d, a: d.frames.propose(a, "")],
    "register.agree": [lambda d, a: d.scorecards.agree(a, "x", 1), lambda d, a: d.frames.agree(a, "x", 1)],
    "register.activate": [lambda d, a: d.scorecards.publish(a, "x", 1), lambda d, a: d.frames.activate(a, "x", 1)],
    "frame.see": [lambda d, a: d.frames.versions(a), lambda d, a: d.frames.frame(a, "centre", 1)],
    "check.ask": [
        lambda d, a: d.checks.ask(a, "spot-" + "0" * 16, about={}, n=1, within=timedelta(hours=1)),
        lambda d, a: d.checks.checks(a),
        lambda d, a: d.checks.colleagues(a),
    ],
    "coverage.see": [lambda d, a: d.coverage.coverage(a)],
    "trend.see": [lambda d, a: d.trends.league(a, LAST_WEEK)],
    "alert.see": [lambda d, a: d.alerts.alerts(a), lambda d, a: d.alerts.alert(a, "0" * 16)],
    "alert.act": [
        lambda d, a: d.alerts.acknowledge(a, "0" * 16),
        lambda d, a: d.alerts.resolve(a, "0" * 16, "why"),
    ],
    "observation.plan": [
        lambda d, a: d.observations.plan(
            a,
            colleague_id="c-1",
            team_id="t",
            site="s",
            topic="x",
            language="en",
            scorecard_id="none",
            place="",
            planned_for=MONDAY,
        ),
        lambda d, a: d.observations.cancel(a, "obs-1", "why"),
    ],
    "observation.record": [lambda d, a: d.observations.form(a, "obs-1")],
    "customer.erase": [lambda d, a: d.erasures.erase(a, "0" * 32)],
    "audit.see": [lambda d, a: d.audit.entries(a), lambda d, a: d.audit.verify(a)],
}
ASKED_BY_PAGES = {"judging.see", "trend.own"}
"""Actions that pages ask for themselves; the services have nothing to do for them."""


def test_the_table_is_what_was_agreed() -> None:
    letters = dict(zip(ROLES, "rsqcja", strict=True))
    written = {
        action: " ".join(letters[role] if role in MATRIX[action] else "." for role in ROLES) for action in ACTIONS
    }
    assert written == TABLE
    assert set(SCOPE_OF.values()) == set(SCOPES) == set(get_args(Scope))


def test_every_action_is_tried() -> None:
    assert set(CALLS) | ASKED_BY_PAGES == set(ACTIONS)


@pytest.mark.parametrize("role", ROLES)
def test_every_service_refuses_every_role_that_the_table_does_not_name(a_desk: DeskForTests, role: Role) -> None:
    a_desk.add(make_task())
    actor = a_desk.person("someone", role)
    for action, calls in CALLS.items():
        for call in calls:
            refused = False
            try:
                call(a_desk.desk, actor)
            except NotAllowed:
                refused = True
            except DeskError:
                pass  # allowed, but there is nothing of the kind
            assert refused == (role not in MATRIX[action]), (role, action)


def test_a_token_does_what_its_scopes_say_and_never_more_than_its_account() -> None:
    everything = frozenset(ROLES)
    for action in ACTIONS:
        for scope in SCOPES:
            tool = Actor("p-1", "tool", everything, scopes=frozenset({scope}))
            assert tool.may(action) == (SCOPE_OF.get(action) == scope)
    weak = Actor("p-1", "tool", frozenset({"judge"}), scopes=frozenset(SCOPES))
    assert not any(weak.may(action) for action in ACTIONS)
    with pytest.raises(NotAllowed):
        require(weak, "queue.list")
