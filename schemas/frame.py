"""SamplingFrame: which transactions are eligible, in which stratum each falls, and how each stratum is drawn (D13-2).

A frame is written by a quality manager as YAML, and travels as one immutable entry of the register topic
`sampling-frames`. Everything that enters a decision about a transaction is in here: limits of age and future, lateness
and the stretch in which a repeat is recognised among them. `schemas.conditions` has the conditions,
`schemas.frame_signature` what is signed, docs/sampling.md what each method is for.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from schemas.base import Channel, Identifier, Instant, Probability, Record, RegisterEntry, TimeZoneName
from schemas.conditions import ROUTABLE, Condition, GroupField
from schemas.draw_number import SEED_BYTES

DeclaredName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_/.-]*$")]
"""A stratum or an overlay as a frame names it."""
StratumName = Annotated[str, StringConstraints(min_length=1, max_length=330, pattern=r"^[a-z0-9][A-Za-z0-9._:@/#+-]*$")]
"""A stratum as records name it: of a nested stratum `name/value`."""
ReasonCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
ToldHow = Literal["recorded_message", "spoken", "written", "sign"]
Window = Literal["day", "week", "month"]
WINDOWS: Final[tuple[Window, ...]] = ("day", "week", "month")
"""From the shortest to the longest."""
MOST_PARTS: Final[dict[str, int]] = {"day": 1, "week": 7, "month": 28}
"""Sub-windows are whole local days, and a February has 28."""
OWN_REASONS: Final = frozenset({
    "customer_not_told", "customer_told_late", "customer_told_otherwise", "customer_notice_not_valid",
    "colleague_not_told", "colleague_notice_not_valid", "too_short", "no_stratum", "frame_retired",
})  # fmt: skip
"""Reasons that Tafol gives by itself; an exclusion has a reason of its own."""


class RandomDraw(Record):
    """Each transaction is drawn with probability `rate`, by its draw number alone."""

    method: Literal["random"] = "random"
    rate: Probability


class SystematicDraw(Record):
    """Every `every`-th transaction in arrival order is drawn, from a random start for each partition and day."""

    method: Literal["systematic"] = "systematic"
    every: Annotated[int, Field(ge=1, le=1_000_000)]


class NoDraw(Record):
    """Nothing is drawn; the share of the population under this method is shown, for no estimate speaks for it."""

    method: Literal["none"] = "none"


class _InWindows(Record):
    """So many a window. A window in `parts` gives its share in each: whole local days, the shares as even as can be."""

    n: Annotated[int, Field(ge=1, le=10_000)]
    window: Window
    parts: Annotated[int, Field(ge=1, le=28)] = 1

    @model_validator(mode="after")
    def _parts_fit(self) -> _InWindows:
        if self.parts > MOST_PARTS[self.window]:
            raise ValueError(f"parts: a {self.window} has no more than {MOST_PARTS[self.window]}, whole days each")
        if self.parts > self.n:
            raise ValueError(f"parts: {self.n} a {self.window} cannot be spread over {self.parts} parts, one at least")
        return self


class QuotaDraw(_InWindows):
    """The `n` smallest draw numbers of each unit and window; all of them where there are no more than `n`."""

    method: Literal["quota"] = "quota"
    per: Literal["colleague", "team", "stratum"]


Draw = Annotated[RandomDraw | SystematicDraw | QuotaDraw | NoDraw, Field(discriminator="method")]


class Cap(_InWindows):
    """No more than `n` of those drawn by rate for one colleague in a window: those with the smallest draw numbers."""


class Stratum(Record):
    """One stratum. `when`: the condition; the first stratum whose condition holds takes the transaction.

    `by`: nested, one stratum for each value of the fields, named `name/value`, each with the draw to itself.
    """

    name: DeclaredName
    when: Condition = Condition()
    by: Annotated[tuple[GroupField, ...], Field(max_length=2)] = ()
    draw: Draw
    cap: Cap | None = None

    @field_validator("by", mode="before")
    @classmethod
    def _one_field_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _cap_fits_the_draw(self) -> Stratum:
        if self.cap is not None and self.draw.method not in ("random", "systematic"):
            raise ValueError(f"cap: goes with random and systematic draws; this one is {self.draw.method}")
        if len(set(self.by)) != len(self.by):
            raise ValueError("by: names a field twice")
        return self


class TargetedCap(_InWindows):
    """No more than `n` for each colleague, each team, or all together, in a window."""

    per: Literal["colleague", "team", "all"] = "all"


class Targeted(Record):
    """An overlay: reviews of what a condition is aimed at. It takes nothing out of its stratum and enters no estimate.

    Without a cap every eligible transaction is taken as it comes; with one the smallest draw numbers of the window.
    """

    name: DeclaredName
    when: Condition
    cap: TargetedCap | None = None


class ChannelRules(Record):
    """What differs on one channel. None: as for all channels."""

    customer_told_within_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    customer_told_how: Annotated[tuple[ToldHow, ...], Field(min_length=1, max_length=4)] | None = None
    """The ways of telling that count; None: all."""
    minimum_length_s: Annotated[float, Field(ge=0, le=86_400)] | None = None


class Exclusion(Record):
    """Transactions that are never reviewed, and why: counted under `reason`."""

    reason: ReasonCode
    when: Condition
    note: Annotated[str, StringConstraints(max_length=500)] = ""

    @model_validator(mode="after")
    def _of_some(self) -> Exclusion:
        if self.when.always:
            raise ValueError("when: an exclusion of everything leaves nothing to review; name what is excluded")
        if self.reason in OWN_REASONS:
            raise ValueError(f"reason: {self.reason!r} is what Tafol says by itself; choose another")
        return self


class Eligibility(Record):
    """When a transaction may be reviewed at all; what is not is excluded with a reason, and counted.

    The first that applies is the reason: notices, then length, then `exclusions` in their order.
    """

    customer_told_within_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """The customer must have been told no later than this long after the start."""
    minimum_length_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    by_channel: dict[Channel, ChannelRules] = Field(default_factory=dict)
    exclusions: Annotated[tuple[Exclusion, ...], Field(max_length=200)] = ()

    def rules(self, channel: Channel) -> ChannelRules:
        """The rules of one channel, whole: only `customer_told_how` may be None."""
        own = self.by_channel.get(channel, ChannelRules())
        told, shortest = own.customer_told_within_s, own.minimum_length_s
        return ChannelRules(
            customer_told_within_s=self.customer_told_within_s if told is None else told,
            customer_told_how=own.customer_told_how,
            minimum_length_s=self.minimum_length_s if shortest is None else shortest,
        )


class WorkingHours(Record):
    """When reviewers work; due times are counted in these hours, in the frame's time zone."""

    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)] = (1, 2, 3, 4, 5)
    """ISO weekdays, 1 = Monday."""
    opens: time = time(9)
    closes: time = time(17)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> WorkingHours:
        if self.closes <= self.opens:
            raise ValueError("closes is not after opens")
        return self


class Route(Record):
    """Where selected transactions go. The first route whose condition holds takes the selection."""

    when: Condition = Condition()
    queue: Identifier
    scorecard: Identifier
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    """0 is most urgent."""
    due_working_hours: Annotated[float, Field(gt=0, le=1000)] = 16.0
    skills: Annotated[tuple[Identifier, ...], Field(max_length=20)] = ()
    """What a reviewer of these must have, all of them."""

    @model_validator(mode="after")
    def _looks_at_what_a_selection_has(self) -> Route:
        unknown = sorted(self.when.named.keys() - ROUTABLE)
        if unknown:
            raise ValueError(f"when: a route cannot look at {unknown[0]}; it can look at {', '.join(sorted(ROUTABLE))}")
        return self


class Overlap(Record):
    """Blind double reviews: a `share` of the selected, chosen by a second draw number, gets `copies` reviews each."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    copies: Annotated[int, Field(ge=2, le=10)] = 2


class AgreedBy(Record):
    """A named person agreed to this version (D13-2: a frame is agreed, not imposed)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Annotated[str, StringConstraints(max_length=200)] = ""
    at: Instant
    note: Annotated[str, StringConstraints(max_length=1000)] = ""


class Signature(Record):
    """Ed25519 over the content hash. Anyone who has the public key can check what was agreed."""

    content_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    key_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    """Head of the SHA-256 of the public key's 32 bytes."""
    ed25519: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class SamplingFrame(RegisterEntry):
    """One version of the sampling frame; holds for event times from `holds_from` on, until a later one does."""

    holds_until: Instant | None = None
    """From here on nothing is drawn under this frame: what no later frame takes is excluded as `frame_retired`."""
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    lawful_purpose: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    data_protection_assessment: Annotated[str, StringConstraints(max_length=200)] = ""
    """Reference of the assessment (DPIA) that covers this monitoring."""
    agreed_by: Annotated[tuple[AgreedBy, ...], Field(max_length=50)] = ()
    signature: Signature | None = None
    time_zone: TimeZoneName = "Europe/London"
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """32 bytes as lower-case hex. Known to engineer and quality manager only, until the frame retires."""
    eligibility: Eligibility = Eligibility()
    strata: Annotated[tuple[Stratum, ...], Field(min_length=1, max_length=5000)]
    catch_all: Literal["required", "refused"] = "required"
    """Whether the last stratum must take all that is left. Refused: what no stratum takes is excluded as `no_stratum`.
    """
    overlays: Annotated[tuple[Targeted, ...], Field(max_length=200)] = ()
    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=500)]
    overlap: Overlap = Overlap()
    blind: bool = False
    """Reviewers are not shown whose work they review: neither colleague nor team."""
    working_hours: WorkingHours = WorkingHours()
    lateness_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 3600.0
    future_limit_s: Annotated[float, Field(ge=0, le=600)] = 300.0
    age_limit_days: Annotated[float, Field(gt=0, le=400)] = 20.0
    duplicate_stretch: Annotated[int, Field(ge=0, le=2_000_000)] = 200_000
    """Records of a partition within which a repeat of the same transaction is recognised."""

    @model_validator(mode="after")
    def _whole(self) -> SamplingFrame:
        if self.holds_until is not None and self.holds_until < self.holds_from:
            raise ValueError("holds_until is before holds_from")
        _refuse_like_names("strata", [stratum.name for stratum in self.strata])
        _refuse_like_names("overlays", [overlay.name for overlay in self.overlays])
        for nested in (stratum.name for stratum in self.strata if stratum.by):
            inside = next((one.name for one in self.strata if one.name.startswith(f"{nested}/")), None)
            if inside is not None:
                raise ValueError(f"stratum {inside!r} bears a name that a part of {nested!r}, made by value, may have")
        _refuse_never_matching("stratum", [one.when for one in self.strata], refused=self.catch_all == "refused")
        _refuse_never_matching("route", [one.when for one in self.routes], refused=False)
        return self

    @property
    def seed_bytes(self) -> bytes:
        seed = bytes.fromhex(self.seed)
        assert len(seed) == SEED_BYTES
        return seed

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def longest_window(self) -> Window | None:
        """The longest window of quotas and caps; None where the frame has none."""
        windows = {stratum.draw.window for stratum in self.strata if isinstance(stratum.draw, QuotaDraw)}
        windows |= {stratum.cap.window for stratum in self.strata if stratum.cap is not None}
        windows |= {overlay.cap.window for overlay in self.overlays if overlay.cap is not None}
        return next((window for window in reversed(WINDOWS) if window in windows), None)

    def stratum(self, name: str) -> Stratum:
        """The stratum that records call `name`, a nested one by its values too; KeyError when there is none."""
        for stratum in self.strata:
            if stratum.name == name or (stratum.by and name.startswith(f"{stratum.name}/")):
                return stratum
        raise KeyError(name)

    def overlay(self, name: str) -> Targeted:
        """The overlay called `name`; KeyError when there is none."""
        for overlay in self.overlays:
            if overlay.name == name:
                return overlay
        raise KeyError(name)


def _refuse_like_names(kind: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"two {kind} are called {repeated[0]!r}")


def _refuse_never_matching(kind: str, whens: list[Condition], *, refused: bool) -> None:
    if refused and whens[-1].always:
        raise ValueError(f"catch_all is refused, but the last {kind} takes all that is left")
    if not refused and not whens[-1].always:
        or_else = ", or say 'catch_all: refused'" if kind == "stratum" else ""
        raise ValueError(f"the last {kind} must take all that is left: give it no 'when'{or_else}")
    early = next((n for n, when in enumerate(whens[:-1], 1) if when.always), None)
    if early is not None:
        raise ValueError(f"{kind} {early} takes everything, so those after it can never match")
