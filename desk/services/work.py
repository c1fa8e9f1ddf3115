"""A reviewer's work on one task: claim, form, heartbeat, draft, submit, skip, give back.

Invariant: what a person has written is kept whatever becomes of their lease. A draft is made by the claim, so having
one is what shows that a person once held the task; it is theirs to read even when the task has ended or is another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from desk.errors import DeskError, Invalid, LeaseLost, NotEligible, NotFound, TaskClosed
from desk.people.authorisation import Actor, require
from desk.rules import eligibility, forms
from desk.rules.eligibility import Reason, Reviewer
from desk.rules.lease import LeaseState, claimed, given_up, is_held, prolonged, verdict
from desk.services import outcomes, show
from desk.services.outcomes import Outcomes
from desk.store import contents, tasks
from desk.store.tables import DraftRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import Draft, FormView, Lease, Preview, Receipt
from schemas.base import Versioned
from schemas.review import Outcome
from schemas.scorecard import Scorecard

LOST: Final = "somebody else has taken this task since, or it was given back; your draft is kept"
CLOSED: Final = "this task has ended; your draft is kept"


class Work:
    """Work on single tasks."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def claim_next(self, actor: Actor, queue: str) -> FormView | None:
        """The next task of the queue under a lease; the one already held in it, if any; None when there is none.

        Raises NotEligible: inactive, unmapped, absent, too_many_held.
        """
        require(actor, "task.claim")
        with self._here.database.write() as session:
            found = self._claim_next(session, actor, queue)
        if found is None:
            return None
        with self._here.database.read() as session:
            return self._shown(session, actor, *found)

    def claim(self, actor: Actor, number: int) -> FormView:
        """This very task under a lease; the lease there is, when it is this person's already.

        Raises NotFound, NotEligible (with 'leased' where another works on it), TaskClosed.
        """
        require(actor, "task.claim")
        with self._here.database.write() as session:
            reviewer, _ = self._claimant(session, actor)
            row = self._locked(session, number)
            if row.state != "open":
                raise TaskClosed(CLOSED)
            now = self._here.now()
            why = eligibility.refusal(tasks.offer_of(session, row), reviewer, now)
            if why in ("own_work", "assigned"):
                raise NotFound(f"there is no task {number} for you")
            if why is not None:
                raise refused(why)
            self._here.scorecard(session, Versioned(id=row.scorecard_id, version=row.scorecard_version))
            draft = session.get(DraftRow, (number, actor.account_id))
            if draft is None or not (row.holder_id == actor.account_id and is_held(tasks.lease_of(row), now)):
                self._has_room(tasks.of_person(session, actor.account_id, now)[0])
                draft = self._claim(session, row, draft, actor)
        with self._here.database.read() as session:
            return self._shown(session, actor, row, draft)

    def form(self, actor: Actor, number: int) -> FormView:
        """The form of a task: with the lease for its holder; read only for who once held it, with their draft, and for
        who may see all. Audited as a view of the content. Raises NotFound.
        """
        require(actor, "review.own" if "reviewer" in actor.roles else "task.see_all")
        form = self._form(actor, number)
        with self._here.database.write() as session:
            self._here.note(session, actor, "content.view", number)
        return form

    def heartbeat(self, actor: Actor, number: int, token: int) -> Lease:
        """Prolong the lease. Raises LeaseLost, TaskClosed, NotFound."""
        require(actor, "task.work")
        with self._here.database.write() as session:
            row = self._locked(session, number)
            self._require_lease(session, row, actor, token)
            return self._prolong(row)

    def save_draft(self, actor: Actor, number: int, token: int, draft: Draft) -> tuple[Draft, Preview]:
        """Keep the form as it is, and prolong the lease. Kept even where LeaseLost or TaskClosed is raised.

        Raises also Invalid (too long to keep) and NotFound (for who never held the task).
        """
        require(actor, "task.work")
        with self._here.database.write() as session:
            row = self._locked(session, number)
            wrong = self._wrong(session, row, actor, token)
            saved = self._keep(session, row, actor, forms.cleaned(draft))
            if wrong is None:
                self._prolong(row)
            scorecard = self._scorecard(session, row)
        if wrong is not None:
            raise wrong
        return saved, forms.preview(saved, scorecard)

    def preview(self, actor: Actor, number: int, draft: Draft) -> Preview:
        """The running score; nothing is kept. Raises NotFound for who never held the task."""
        require(actor, "task.work")
        with self._here.database.read() as session:
            row = session.get(TaskRow, number)
            if row is None or session.get(DraftRow, (number, actor.account_id)) is None:
                raise NotFound(f"there is no task {number} for you")
            return forms.preview(forms.cleaned(draft), self._scorecard(session, row))

    def submit(self, actor: Actor, number: int, token: int, draft: Draft) -> Receipt:
        """Submit the review. The same again, under the same token, is answered by the same receipt.

        Raises Invalid with `problems`, LeaseLost, TaskClosed: the draft is kept with each. NotFound.
        """
        require(actor, "task.work")
        with self._here.database.write() as session:
            answer = self._submit(session, actor, number, token, forms.cleaned(draft))
        if isinstance(answer, DeskError):
            raise answer
        return answer

    def skip(self, actor: Actor, number: int, token: int, reason: str) -> Receipt:
        """End the task without a review: non-response, with its reason. Raises Invalid, LeaseLost, TaskClosed."""
        require(actor, "task.work")
        reason = outcomes.checked_reason(reason)
        with self._here.database.write() as session:
            row = self._locked(session, number)
            repeated = self._repeated(session, row, actor, token, "skipped")
            if repeated is not None:
                return repeated
            self._require_lease(session, row, actor, token)
            return Outcomes(self._here, session).end(row, actor.account_id, "skipped", reason)

    def give_back(self, actor: Actor, number: int, token: int) -> None:
        """Return the task to its queue; the draft stays with this person. Raises LeaseLost, TaskClosed."""
        require(actor, "task.work")
        with self._here.database.write() as session:
            row = self._locked(session, number)
            self._require_lease(session, row, actor, token)
            tasks.set_lease(row, given_up(tasks.lease_of(row)))
            self._here.note(session, actor, "task.give_back", row.task_id)

    def _submit(self, session: Session, actor: Actor, number: int, token: int, draft: Draft) -> Receipt | DeskError:
        row = self._locked(session, number)
        repeated = self._repeated(session, row, actor, token, "submitted")
        if repeated is not None:
            return repeated
        wrong = self._wrong(session, row, actor, token)
        if wrong is None:
            scorecard, config = self._scorecard(session, row), self._here.config
            found = forms.problems(
                draft,
                scorecard,
                min_strengths=config.min_strengths,
                min_development_points=config.min_development_points,
            )
            if not found:
                self._drop_draft(session, row, actor)
                return Outcomes(self._here, session).submit(row, actor, draft, scorecard)
            wrong = Invalid("the review is not complete", tuple(found))
        self._keep(session, row, actor, draft)
        return wrong

    def _claim_next(self, session: Session, actor: Actor, queue: str) -> tuple[TaskRow, DraftRow | None] | None:
        """The task and its draft. On PostgreSQL each statement is a round trip: there are few, and none twice."""
        now = self._here.now()
        reviewer, wanted = self._claimant(session, actor, queue)
        held, assigned = tasks.of_person(session, actor.account_id, now)
        row = next((one for one in held if one.queue == queue), None)
        if row is not None:
            return row, session.get(DraftRow, (row.number, actor.account_id))
        if not wanted <= reviewer.skills:
            return None
        self._has_room(held)
        kept_for_me = any(one.queue == queue for one in assigned)
        found = tasks.next_for(session, queue, reviewer, now, assigned=kept_for_me)
        if found is None:
            return None
        row, draft = found
        return row, self._claim(session, row, draft, actor)

    def _claimant(self, session: Session, actor: Actor, queue: str = "") -> tuple[Reviewer, frozenset[str]]:
        """The actor as a reviewer, their row locked: two claims of one person run one after the other. And what skills
        the queue asks for.
        """
        found = tasks.claimant(session, actor.account_id, queue, self._here.now())
        if found is None:
            raise NotFound("this account is gone")
        why = eligibility.reviewer_refusal(found[0])
        if why is not None:
            raise refused(why)
        return found

    def _has_room(self, held: Sequence[TaskRow]) -> None:
        most = self._here.config.max_held
        if len(held) >= most:
            raise NotEligible("too_many_held", f"you hold {most} tasks already", hint="Finish or give back one first.")

    def _claim(self, session: Session, row: TaskRow, draft: DraftRow | None, actor: Actor) -> DraftRow:
        now = self._here.now()
        tasks.set_lease(row, claimed(tasks.lease_of(row), actor.account_id, now, self._here.config.lease))
        row.claimed_at = now
        if draft is None:
            draft = DraftRow(number=row.number, account_id=actor.account_id, body=_dump(Draft()), saved_at=now)
            session.add(draft)
        self._here.note(session, actor, "task.claim", row.task_id, {"token": str(row.token)})
        return draft

    def _locked(self, session: Session, number: int) -> TaskRow:
        row = tasks.locked(session, number)
        if row is None:
            raise NotFound(f"there is no task {number} for you")
        return row

    def _require_lease(self, session: Session, row: TaskRow, actor: Actor, token: int) -> None:
        """Raises LeaseLost, TaskClosed, NotFound unless this token lets the actor work on the task now."""
        wrong = self._wrong(session, row, actor, token)
        if wrong is not None:
            raise wrong

    def _wrong(self, session: Session, row: TaskRow, actor: Actor, token: int) -> DeskError | None:
        """Why this token does not let the actor work on the task now. Raises NotFound for who never held it."""
        if session.get(DraftRow, (row.number, actor.account_id)) is None:
            raise NotFound(f"there is no task {row.number} for you")
        if row.state != "open":
            return TaskClosed(CLOSED)
        worth = verdict(tasks.lease_of(row), actor.account_id, token, self._here.now())
        if worth == "lapsed":
            # Nobody has taken it since; all that can stand against going on is what happened elsewhere.
            offer = tasks.offer_of(session, row)
            elsewhere = eligibility.has_other_copy(offer.other_copies, actor.account_id, self._here.now())
            worth = "lost" if elsewhere or offer.assigned_to not in (None, actor.account_id) else "held"
        return None if worth == "held" else LeaseLost(LOST, hint="Claim it again, if it is still free.")

    def _repeated(self, session: Session, row: TaskRow, actor: Actor, token: int, outcome: Outcome) -> Receipt | None:
        """The receipt that was given for this very request, when its answer got lost on the way."""
        if row.closed_by != actor.account_id or row.token != token:
            return None
        last = outcomes.latest(session, row.number)
        if last is None or last.outcome != outcome or last.account_id != actor.account_id:
            return None
        return outcomes.receipt(row, last, outcome, repeated=True)

    def _prolong(self, row: TaskRow) -> Lease:
        tasks.set_lease(row, prolonged(tasks.lease_of(row), self._here.now(), self._here.config.lease))
        return self._lease(row.number, tasks.lease_of(row))

    def _lease(self, number: int, lease: LeaseState) -> Lease:
        assert lease.ends_at is not None
        return Lease(number, lease.token, lease.ends_at, self._here.config.heartbeat_every_s)

    def _keep(self, session: Session, row: TaskRow, actor: Actor, draft: Draft) -> Draft:
        """Save the draft. Raises Invalid when it is too long to keep."""
        found = [
            *forms.length_problems("strengths", draft.strengths),
            *forms.length_problems("development_points", draft.development_points),
            *forms.length_problems("ratings", tuple(one.comment for one in draft.ratings)[: forms.MOST_POINTS]),
        ]
        if found or len(draft.ratings) > forms.MOST_RATINGS:
            raise Invalid("the draft is too long to keep", tuple(found))
        saved = replace(draft, saved_at=self._here.now())
        kept = session.get(DraftRow, (row.number, actor.account_id))
        assert kept is not None
        kept.body, kept.saved_at = _dump(saved), self._here.now()
        return saved

    def _drop_draft(self, session: Session, row: TaskRow, actor: Actor) -> None:
        kept = session.get(DraftRow, (row.number, actor.account_id))
        if kept is not None:
            kept.body = _dump(Draft())

    def _scorecard(self, session: Session, row: TaskRow) -> Scorecard:
        return self._here.scorecard(session, Versioned(id=row.scorecard_id, version=row.scorecard_version))

    def _form(self, actor: Actor, number: int) -> FormView:
        with self._here.database.read() as session:
            row = session.get(TaskRow, number)
            kept = None if row is None else session.get(DraftRow, (number, actor.account_id))
            if row is None or (kept is None and not actor.may("task.see_all")):
                raise NotFound(f"there is no task {number} for you")
            return self._shown(session, actor, row, kept)

    def _shown(self, session: Session, actor: Actor, row: TaskRow, kept: DraftRow | None) -> FormView:
        """The form of a task for who has a draft of it, or may see all. Raises NotFound for one's own work."""
        now = self._here.now()
        if row.colleague_id == actor.colleague_id:
            raise NotFound(f"there is no task {row.number} for you")
        lease = tasks.lease_of(row)
        holds = row.state == "open" and row.holder_id == actor.account_id and is_held(lease, now)
        task = tasks.task_of(row)
        blind = self._here.is_blind(session, task.frame) and not (actor.may("task.see_all") and kept is None)
        draft = Draft() if kept is None else show.DRAFT.validate_python(kept.body)
        scorecard = self._scorecard(session, row)
        known = {} if kept is not None else show.names(session, (row.holder_id, row.assigned_to))
        return FormView(
            task=show.task_view(row, now, known_names=known, to_reviewer=kept is not None, blind=blind),
            scorecard=scorecard,
            content=contents.content(session, row.transaction_id),
            draft=draft,
            preview=forms.preview(draft, scorecard),
            blind=blind,
            started_at=task.transaction.started_at,
            transaction_id=None if blind else row.transaction_id,
            lease=self._lease(row.number, lease) if holds else None,
            min_strengths=self._here.config.min_strengths,
            min_development_points=self._here.config.min_development_points,
        )


def refused(why: Reason) -> NotEligible:
    """The error for a refusal of the eligibility rule."""
    return NotEligible(why, eligibility.IN_WORDS[why])


def _dump(draft: Draft) -> dict[str, object]:
    dumped: Mapping[str, object] = show.DRAFT.dump_python(draft, mode="json")
    return dict(dumped)
