"""What people do about an alert: acknowledging and resolving, on the topic `alert-actions`."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final, Literal

from schemas.alert import AlertAction
from schemas.catalogue import ALERT_ACTIONS
from schemas.errors import ConfigError
from sinks.queries.alerts import AlertRow
from streams.connection import Connection
from tafol.detect.records import send_keyed

FEWEST_CHARS: Final = 4
"""Of an id that is given in part: fewer would name alerts by accident."""


def find(alerts: tuple[AlertRow, ...], wanted: str) -> AlertRow:
    """The alert whose id is `wanted`, or the only one whose id begins or ends with it. Raises ConfigError."""
    exact = [one for one in alerts if one.alert_id == wanted]
    part = [one for one in alerts if one.alert_id.startswith(wanted) or one.alert_id.endswith(wanted)]
    found = exact or (part if len(wanted) >= FEWEST_CHARS else [])
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"{len(found)} alerts are called {wanted!r}",
        hint="Give the id as `tafol detect alerts` shows it, in quotes: it holds a '|'.",
    )


def act(
    connection: Connection,
    alert: AlertRow,
    action: Literal["acknowledge", "resolve"],
    *,
    by: str,
    reason: str,
    at: datetime,
) -> AlertAction:
    """Write down what `by` did. Raises Unreachable, TafolError."""
    done = AlertAction(
        action_id=secrets.token_hex(8),
        alert_id=alert.alert_id,
        series_id=alert.series_id,
        action=action,
        by=by,
        reason=reason,
        at=at,
    )
    send_keyed(connection, ALERT_ACTIONS, done.series_id, done.action_id, done)
    return done
