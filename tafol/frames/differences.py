"""Two sampling frames compared, in sentences that a person who agrees frames can follow. Never shows a seed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from schemas.base import CHANNELS
from schemas.frame import Eligibility, Exclusion, Route, SamplingFrame, Stratum, Targeted
from tafol.frames import words

WINDOW_FIELDS: Final = {
    "lateness_s": ("lateness", "a transaction may come {} s late and still be drawn"),
    "future_limit_s": ("limits", "a record may be {} s ahead of the log"),
    "age_limit_days": ("limits", "a record may be {} days old"),
    "duplicate_stretch": ("limits", "a repeat is recognised within {} records of a partition"),
}


class Change(NamedTuple):
    """One difference. `part`: of the frame; `name`: of the stratum, route, exclusion or overlay, where it has one."""

    part: str
    name: str
    sentence: str


def differences(before: SamplingFrame, after: SamplingFrame) -> list[Change]:
    """What must change in `before` to become `after`, in the order in which a frame is read."""
    return [
        *_head(before, after),
        *_eligibility(before.eligibility, after.eligibility),
        *_strata(before, after),
        *_named("overlay", before.overlays, after.overlays, words.overlay, _overlay_changes),
        *_routes(before.routes, after.routes),
        *_rest(before, after),
    ]


def _head(before: SamplingFrame, after: SamplingFrame) -> Iterator[Change]:
    if before.ref != after.ref:
        yield Change("frame", "", f"{before.ref} becomes {after.ref}.")
    if before.holds_from != after.holds_from:
        yield Change("frame", "", f"It holds from {_at(after.holds_from)} instead of {_at(before.holds_from)}.")
    if before.holds_until != after.holds_until:
        until = "without end" if after.holds_until is None else f"until {_at(after.holds_until)}"
        yield Change("frame", "", f"It now holds {until}.")
    for name, called in (
        ("title", "title"),
        ("lawful_purpose", "lawful purpose"),
        ("data_protection_assessment", "data-protection assessment"),
        ("time_zone", "time zone"),
    ):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change("frame", name, f"The {called} changes from {_quoted(old)} to {_quoted(new)}.")
    old_names, new_names = ([one.name for one in frame.agreed_by] for frame in (before, after))
    if old_names != new_names:
        yield Change(
            "agreement", "", f"Agreed by {words.listed(new_names or ['nobody'])} instead of "
            f"{words.listed(old_names or ['nobody'])}."
        )  # fmt: skip
    if before.seed != after.seed:
        yield Change("seed", "", "The seed changes: every draw is a fresh one.")
    elif before.ref == after.ref and before != after:
        yield Change("seed", "", "The seed stays.")


def _eligibility(before: Eligibility, after: Eligibility) -> Iterator[Change]:
    for channel in CHANNELS:
        old, new = before.rules(channel), after.rules(channel)
        place = f"On {channel.replace('_', ' ')}"
        if old.customer_told_within_s != new.customer_told_within_s:
            yield Change(
                "eligibility", channel, f"{place} the customer must be told within {new.customer_told_within_s:g} s "
                f"of the start instead of {old.customer_told_within_s:g} s."
            )  # fmt: skip
        if old.minimum_length_s != new.minimum_length_s:
            yield Change(
                "eligibility", channel, f"{place} the least length is {new.minimum_length_s:g} s instead of "
                f"{old.minimum_length_s:g} s."
            )  # fmt: skip
        if old.customer_told_how != new.customer_told_how:
            ways = "any way of telling counts" if new.customer_told_how is None else (
                f"only these ways of telling count: {words.listed(new.customer_told_how)}"
            )  # fmt: skip
            yield Change("eligibility", channel, f"{place} {ways} now.")
    yield from _exclusions(before.exclusions, after.exclusions)


def _exclusions(before: Sequence[Exclusion], after: Sequence[Exclusion]) -> Iterator[Change]:
    for one in before:
        if one not in after:
            yield Change("exclusion", one.reason, f"No longer excluded as {one.reason}: {words.condition(one.when)}.")
    for one in after:
        if one not in before:
            yield Change("exclusion", one.reason, f"Now excluded as {one.reason}: {words.condition(one.when)}.")
    if before != after and sorted(map(repr, before)) == sorted(map(repr, after)):
        yield Change("exclusion", "", "The exclusions stand in another order: the first that applies is the reason.")


def _strata(before: SamplingFrame, after: SamplingFrame) -> Iterator[Change]:
    yield from _named("stratum", before.strata, after.strata, _stratum, _stratum_changes)
    if before.catch_all != after.catch_all:
        left = "must be taken by the last stratum" if after.catch_all == "required" else "is excluded as no_stratum"
        yield Change("strata", "", f"What no stratum takes now {left}.")


def _stratum(one: Stratum) -> str:
    by = f", one for each {words.listed([words.field(name) for name in one.by])}" if one.by else ""
    return f"{words.condition(one.when)}{by}; {words.draw(one)}"


def _stratum_changes(old: Stratum, new: Stratum) -> Iterator[str]:
    if old.draw != new.draw:
        yield f"changes from {words.drawn(old.draw)} to {words.drawn(new.draw)}"
    if old.cap != new.cap:
        yield "loses its cap" if new.cap is None else f"now draws {words.cap(new.cap)}"
    if old.when != new.when:
        yield f"takes {words.condition(new.when)} instead of {words.condition(old.when)}"
    if old.by != new.by:
        of = words.listed([words.field(name) for name in new.by])
        yield f"is split by {of}" if new.by else "is no longer split"


def _overlay_changes(old: Targeted, new: Targeted) -> Iterator[str]:
    if old.when != new.when:
        yield f"takes {words.condition(new.when)} instead of {words.condition(old.when)}"
    if old.cap != new.cap:
        yield "loses its cap" if new.cap is None else f"now takes {words.cap(new.cap)}"


def _named(
    kind: str,
    before: Sequence[Any],
    after: Sequence[Any],
    described: Callable[[Any], str],
    changes: Callable[[Any, Any], Iterator[str]],
) -> Iterator[Change]:
    """Things that have names: removed, added, changed, and whether those that stay stand in another order."""
    old, new = {one.name: one for one in before}, {one.name: one for one in after}
    for name, one in old.items():
        if name not in new:
            yield Change(kind, name, f"{kind.capitalize()} {name} is gone (it was: {described(one)}).")
    for name, one in new.items():
        if name not in old:
            yield Change(kind, name, f"{kind.capitalize()} {name} is new: {described(one)}.")
            continue
        for change in changes(old[name], one):
            yield Change(kind, name, f"{kind.capitalize()} {name} {change}.")
    staying_old, staying_new = [name for name in old if name in new], [name for name in new if name in old]
    if staying_old != staying_new:
        plural = "strata" if kind == "stratum" else f"{kind}s"
        yield Change(kind, "", f"The {plural} stand in another order: the first that matches takes a transaction.")


def _routes(before: Sequence[Route], after: Sequence[Route]) -> Iterator[Change]:
    old, new = ({_key(one): one for one in reversed(routes)} for routes in (before, after))
    for one in before:
        if _key(one) not in new:
            yield Change("route", one.queue, f"No route of its own any more for {words.condition(one.when)}.")
    for one in after:
        was = old.get(_key(one))
        what = words.condition(one.when) if not one.when.always else "all that is left"
        if was is None:
            yield Change("route", one.queue, f"New route for {what}: {words.route(one)}.")
        elif was != one:
            yield Change("route", one.queue, f"The route for {what} changes to {words.route(one)}; it was "
                         f"{words.route(was)}.")  # fmt: skip
    if [key for key in map(_key, before) if key in new] != [key for key in map(_key, after) if key in old]:
        yield Change("route", "", "The routes stand in another order: the first that matches takes a selection.")


def _rest(before: SamplingFrame, after: SamplingFrame) -> Iterator[Change]:
    if before.overlap != after.overlap:
        one = after.overlap
        said = f"{words.percent(one.share)} of the selected get {one.copies} blind reviews each" if one.share else (
            "nothing is reviewed twice"
        )  # fmt: skip
        yield Change("overlap", "", f"Now {said}.")
    if before.blind != after.blind:
        shown = "not shown" if after.blind else "shown"
        yield Change("blind", "", f"Reviewers are now {shown} whose work they review.")
    if before.working_hours != after.working_hours:
        yield Change("working hours", "", "Reviewers' working hours change: due times are counted anew.")
    for name, (part, sentence) in WINDOW_FIELDS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change(part, name, f"Now {sentence.format(f'{new:g}')} (before: {old:g}).")


def _key(route: Route) -> str:
    """A route is known by its condition."""
    return route.when.model_dump_json()


def _quoted(text: str) -> str:
    return f"'{text}'" if text else "none"


def _at(instant: Any) -> str:
    return str(instant.strftime("%Y-%m-%d %H:%M UTC"))
