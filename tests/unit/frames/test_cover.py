"""Which conditions leave nothing for others: the logic against every transaction of a small world, one by one."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import CHANNELS
from schemas.conditions import Condition
from tafol.frames.cover import Space

pytestmark = pytest.mark.unit

FLAGS: Final = [(), ("a",), ("b",), ("a", "b"), ("z",), ("a", "z"), ("b", "z"), ("a", "b", "z")]
WORLD: Final = [
    SimpleNamespace(
        channel=channel, language=language, flags=flags, csat_0_100=csat, chat_lines=lines,
        attributes={} if vip is None else {"vip": vip},
    )
    for channel, language, flags, csat, lines, vip in product(
        CHANNELS, ["en", "cy", "fr"], FLAGS, [None, 0, 40, 70], [0, 1, 2, 3],
        [None, "yes", "4", "5.0", "6", "7", "other"],
    )
]  # fmt: skip
"""A transaction of every kind that the conditions below can tell apart."""


def texts(*values: str) -> st.SearchStrategy[Any]:
    some = st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
    return st.one_of(some, st.fixed_dictionaries({"none_of": some}), st.just({"present": True}))


def bounds(*values: float) -> st.SearchStrategy[Any]:
    one = st.sampled_from(values)
    return st.one_of(
        st.fixed_dictionaries({"at_least": one}),
        st.fixed_dictionaries({"at_most": one}),
        st.fixed_dictionaries({"at_least": one, "at_most": one}),
        st.just({"present": False}),
    )


CONDITIONS: Final = st.fixed_dictionaries(
    {},
    optional={
        "channel": texts(*CHANNELS),
        "language": texts("en", "cy"),
        "flags": st.one_of(texts("a", "b"), st.just({"present": False})),
        "csat_0_100": bounds(40),
        "chat_lines": bounds(1, 2.5),
        "attributes": st.fixed_dictionaries({"vip": st.one_of(texts("yes", "5", "7"), bounds(5))}),
    },
).map(Condition.model_validate)


@settings(max_examples=60)
@given(st.lists(CONDITIONS, min_size=1, max_size=5))
def test_a_condition_is_shadowed_exactly_when_no_transaction_of_the_world_gets_to_it(
    conditions: list[Condition],
) -> None:
    space = Space(conditions)
    *earlier, last = conditions
    box = space.box(last)
    others = [found for found in map(space.box, earlier) if found is not None]
    shadowed = box is None or space.left(box, others) is None
    reached = any(last.holds(one) and not any(when.holds(one) for when in earlier) for one in WORLD)
    assert shadowed is not reached


@pytest.mark.parametrize(
    "impossible",
    [
        {"duration_s": {"at_least": 60, "at_most": 30}},
        {"channel": {"none_of": list(CHANNELS)}},
        {"language": {"one_of": ["Welsh please"]}},
        {"team_id": {"present": False}},
        {"chat_lines": {"at_least": 1.2, "at_most": 1.8}},
        {"csat_0_100": {"at_least": 101}},
        {"flags": {"one_of": ["vip"], "present": False}},
    ],
)
def test_a_condition_that_nothing_can_pass_has_no_box(impossible: dict[str, Any]) -> None:
    when = Condition.model_validate(impossible)
    assert Space([when]).box(when) is None


def test_many_flags_err_on_the_side_of_not_complaining() -> None:
    first = Condition.model_validate({"flags": [f"f{n}" for n in range(20)]})
    same, narrower = first, Condition.model_validate({"flags": ["f3"]})
    space = Space([first, narrower])
    boxes = [space.box(one) for one in (first, same, narrower)]
    assert all(box is not None for box in boxes)
    taken, again, third = (box for box in boxes if box is not None)
    assert space.left(again, [taken]) is None
    assert space.left(third, [taken]) is not None


def test_thousands_of_strata_are_no_problem() -> None:
    conditions = [Condition.model_validate({"team_id": f"t-{n}"}) for n in range(2000)]
    conditions.append(Condition.model_validate({"team_id": [f"t-{n}" for n in range(500)], "language": "cy"}))
    space = Space(conditions)
    *others, last = [box for box in map(space.box, conditions) if box is not None]
    assert space.left(last, others) is None
