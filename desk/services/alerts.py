"""Alerts: what detection raised, what drove it, and what people do about it.

Alerts live in ClickHouse and come from there; what people do about them is written here, in one transaction with the
audit trail and the outbox, and leaves on the topic `alert-actions`. Until ClickHouse has it, the desk's own word is put
over what ClickHouse says, so that nobody acts twice because the pipeline is on its way.

An action's id follows from alert, action and person: sent or pressed twice it is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import outbox
from desk.errors import Conflict, NotFound
from desk.people.authorisation import Actor, require
from desk.services import show
from desk.services.analytics import Analytics, Weighed, connected
from desk.services.outcomes import checked_reason
from desk.services.sight import sight_of
from desk.store.tables import OutboxRow
from desk.surroundings import Surroundings
from schemas.alert import AlertAction
from schemas.catalogue import ALERT_ACTIONS
from schemas.detector import DIMENSIONS, Dimension
from sinks.queries.alerts import AlertRow, Change, Driver, alert_change, alert_drivers, alerts
from sinks.queries.series_records import series_records

Act = Literal["acknowledge", "resolve"]
KEY_BYTES: Final = 8
DAY: Final = timedelta(days=1)
DRIVERS_AT_A_GLANCE: Final = 3


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as it stands. `series`: dimension to value; `acted_name` None: nobody acted, or none the desk knows."""

    key: str
    """Short enough for an address."""
    row: AlertRow
    series: Mapping[Dimension, str]
    acted_name: str | None
    may_acknowledge: bool
    may_resolve: bool


@dataclass(frozen=True, slots=True)
class Glance:
    """One alert in a list."""

    since: Change
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert in full."""

    alert: AlertView
    since: Change
    """Before against since: the latter somewhat too low, for it was picked for being low."""
    after: Change
    """Before against after it was raised: free of that."""
    drivers: tuple[Driver, ...]
    course: tuple[Weighed, ...]
    """Every review of the series in its order; empty where detection can't be followed here."""


class AlertService:
    """Alerts, for those who may see them."""

    def __init__(self, here: Surroundings, analytics: Analytics | None) -> None:
        self._here = here
        self._analytics = analytics

    def alerts(self, actor: Actor) -> tuple[AlertView, ...]:
        """All that this person may see, the latest first. Raises AnalyticsAway."""
        require(actor, "alert.see")
        found = alerts(connected(self._analytics))
        with self._here.database.read() as session:
            sight = sight_of(session, actor, self._here.now())
            return self._views(session, actor, [one for one in found if sight.sees_series(series_of(one.series_id))])

    def glance(self, actor: Actor, view: AlertView) -> Glance:
        """From what to what, and what drives it most. Raises AnalyticsAway."""
        require(actor, "alert.see")
        store, row, until = connected(self._analytics), view.row, self._until()
        return Glance(
            since=alert_change(store, series_id=row.series_id, since=row.since, until=until),
            drivers=alert_drivers(store, series_id=row.series_id, since=row.since, until=until)[:DRIVERS_AT_A_GLANCE],
        )

    def alert(self, actor: Actor, key: str) -> AlertDetail:
        """One alert in full. Raises NotFound, AnalyticsAway."""
        require(actor, "alert.see")
        view = self._seen(actor, key)
        store, row, until = connected(self._analytics), view.row, self._until()
        replay = store.replay
        return AlertDetail(
            alert=view,
            since=alert_change(store, series_id=row.series_id, since=row.since, until=until),
            after=alert_change(store, series_id=row.series_id, since=row.raised_at, until=until),
            drivers=alert_drivers(store, series_id=row.series_id, since=row.since, until=until),
            course=() if replay is None else tuple(replay(row.series_id, series_records(store, row.series_id))),
        )

    def _until(self) -> datetime:
        """The end of today: a span that moves with the clock would be another question for each picture of a page."""
        local = self._here.now().astimezone(self._here.config.zone)
        return datetime.combine(local.date() + DAY, time(), self._here.config.zone)

    def acknowledge(self, actor: Actor, key: str) -> None:
        """Say that this person looks at it. Raises Conflict when somebody does already, NotFound, AnalyticsAway."""
        self._act(actor, key, "acknowledge", "")

    def resolve(self, actor: Actor, key: str, reason: str) -> None:
        """Say why it is done with. Raises Invalid without a reason, Conflict, NotFound, AnalyticsAway."""
        require(actor, "alert.act")
        self._act(actor, key, "resolve", checked_reason(reason))

    def _act(self, actor: Actor, key: str, action: Act, reason: str) -> None:
        require(actor, "alert.act")
        self._seen(actor, key)
        now = self._here.now()
        with self._here.database.write() as session:
            # Once more in the transaction: of two who press at once, the second hears of the first.
            view = self._view(session, actor, key)
            row = view.row
            if not (view.may_acknowledge if action == "acknowledge" else view.may_resolve):
                raise Conflict(f"the alert is {row.status} already")
            made = AlertAction(
                action_id=_digest(row.alert_id, str(row.times_raised), action, actor.account_id),
                alert_id=row.alert_id,
                series_id=row.series_id,
                action=action,
                by=actor.account_id,
                reason=reason,
                at=now,
            )
            outbox.put(session, ALERT_ACTIONS, key=made.series_id, event_id=made.action_id, record=made, at=now)
            self._here.note(session, actor, f"alert.{action}", key, {"series": row.series_id})

    def _seen(self, actor: Actor, key: str) -> AlertView:
        with self._here.database.read() as session:
            return self._view(session, actor, key)

    def _view(self, session: Session, actor: Actor, key: str) -> AlertView:
        sight = sight_of(session, actor, self._here.now())
        found = [one for one in alerts(connected(self._analytics)) if key_of(one.alert_id) == key]
        if not found or not sight.sees_series(series_of(found[0].series_id)):
            raise NotFound("there is no such alert")
        (view,) = self._views(session, actor, found)
        return view

    def _views(self, session: Session, actor: Actor, rows: Sequence[AlertRow]) -> tuple[AlertView, ...]:
        done: dict[str, list[AlertAction]] = {}
        for one in session.scalars(select(OutboxRow).where(OutboxRow.topic == ALERT_ACTIONS).order_by(OutboxRow.seq)):
            action = AlertAction.model_validate_json(one.value)
            done.setdefault(action.alert_id, []).append(action)
        standing = [with_own_word(row, done.get(row.alert_id, ())) for row in rows]
        names = show.names(session, {row.acted_by for row in standing if row.acted_by})
        may = actor.may("alert.act")
        return tuple(
            AlertView(
                key=key_of(row.alert_id),
                row=row,
                series=series_of(row.series_id),
                acted_name=names.get(row.acted_by),
                may_acknowledge=may and row.status == "open",
                may_resolve=may and row.status != "resolved",
            )
            for row in standing
        )


def with_own_word(row: AlertRow, actions: Sequence[AlertAction]) -> AlertRow:
    """The alert as it stands with what was done here, oldest first, by the rule of the view current_alerts."""
    newer = [one for one in actions if row.acted_at is None or one.at > row.acted_at]
    if not newer:
        return row
    last = newer[-1]
    resolved = [one.at for one in newer if one.action == "resolve"]
    done_with = bool(resolved) and (row.state == "closed" or resolved[-1] >= row.changed_at)
    status = row.status if row.status in ("resolved", "closed") else "acknowledged"
    return replace(
        row,
        status="resolved" if done_with else status,
        acted_by=last.by,
        acted_at=last.at,
        action_reason=last.reason,
    )


def key_of(alert_id: str) -> str:
    """Sixteen hexadecimal digits that name the alert in an address."""
    return _digest(alert_id)


def series_of(series_id: str) -> dict[Dimension, str]:
    """The values in 'team=north,criterion=chat/greeting', in their order."""
    pairs = dict(one.split("=", 1) for one in series_id.split(","))
    return {one: pairs[one] for one in DIMENSIONS if one in pairs}


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=KEY_BYTES).hexdigest()
