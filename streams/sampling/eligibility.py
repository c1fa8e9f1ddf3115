"""Whether a transaction may be reviewed: were customer and colleague told, in time, by notices that held (D13-3).

Notices are judged at `started_at`, against the entry of the register that held then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.base import Channel
from schemas.conditions import asker, holds_for
from schemas.frame import Eligibility
from schemas.notice import Notice, NoticeRegister
from streams.registers import Timeline
from streams.sampling.decode import Event
from streams.sampling.reigns import reign_at

REMEMBERED_LIMIT: Final = 10_000
"""Pairs of notices whose common validity is remembered; then the memory starts again."""


class EligibilityRules:
    """The eligibility rules of one frame for one channel. `told_how` None: every way of telling counts."""

    __slots__ = ("exclusions", "minimum_length", "told_how", "told_within")

    def __init__(self, rules: Eligibility, channel: Channel) -> None:
        own = rules.rules(channel)
        self.told_within = timedelta(seconds=own.customer_told_within_s or 0.0)
        self.told_how = None if own.customer_told_how is None else frozenset(own.customer_told_how)
        self.minimum_length = timedelta(seconds=own.minimum_length_s or 0.0)
        self.exclusions = tuple(
            (one.reason, asker(one.when, without=("channel",)) or _always)
            for one in rules.exclusions
            if "channel" not in one.when.named or holds_for(one.when.named["channel"], (channel,))
        )

    def beside_notices(self, event: Event) -> str:
        """Why an event is excluded whose notices are in order; empty when it is eligible."""
        if event.ended_at - event.started_at < self.minimum_length:
            return "too_short"
        for reason, holds in self.exclusions:
            if holds(event):
                return reason
        return ""


def _always(_event: Event) -> bool:
    return True


class NoticeJudge:
    """Judges events of one channel by one state of the register of notices."""

    def __init__(self, notices: Timeline[NoticeRegister], channel: Channel) -> None:
        self._notices = notices
        self._channel = channel
        self._valid: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self._by_id: dict[str, dict[tuple[str, str], Notice]] = {}

    def reason(self, event: Event, rules: EligibilityRules) -> str:
        """Why `event` is excluded; empty when it is eligible. The first reason in the order below stands."""
        notice, started = event.monitoring_notice, event.started_at
        customer, colleague = notice.customer, notice.colleague
        if customer is None:
            return "customer_not_told"
        if customer.at > started and customer.at - started > rules.told_within:
            return "customer_told_late"
        if rules.told_how is not None and customer.how not in rules.told_how:
            return "customer_told_otherwise"
        if colleague is not None:
            valid = self._valid.get((customer.notice_id, colleague))
            if valid is not None and valid[0] <= started < valid[1]:
                return rules.beside_notices(event)
        return self._looked_up(event, customer.notice_id, colleague, rules)

    def notices_hold(self, event: Event) -> tuple[datetime, datetime] | None:
        """The span around the start of `event` in which its notices, judged by `reason` before, hold; else None."""
        notice = event.monitoring_notice
        if notice.customer is None or notice.colleague is None:
            return None
        valid = self._valid.get((notice.customer.notice_id, notice.colleague))
        return valid if valid is not None and valid[0] <= event.started_at < valid[1] else None

    def _looked_up(
        self, event: Event, customer_notice: str, colleague_notice: str | None, rules: EligibilityRules
    ) -> str:
        started = event.started_at
        reign = reign_at(self._notices, started)
        notices = self._by_audience(reign.entry)
        told = notices.get(("customer", customer_notice))
        if told is None or not told.valid_at(started, self._channel):
            return "customer_notice_not_valid"
        if colleague_notice is None:
            return "colleague_not_told"
        signed = notices.get(("colleague", colleague_notice))
        if signed is None or not signed.valid_at(started, self._channel):
            return "colleague_notice_not_valid"
        if len(self._valid) >= REMEMBERED_LIMIT:
            self._valid.clear()
        ends = [end for end in (told.valid_to, signed.valid_to) if end is not None]
        self._valid[customer_notice, colleague_notice] = (
            max(reign.starts, told.valid_from, signed.valid_from),
            min([reign.ends, *ends]),
        )
        return rules.beside_notices(event)

    def _by_audience(self, register: NoticeRegister) -> dict[tuple[str, str], Notice]:
        found = self._by_id.get(register.ref.key)
        if found is None:
            found = {(notice.audience, notice.id): notice for notice in register.notices}
            self._by_id[register.ref.key] = found
        return found
