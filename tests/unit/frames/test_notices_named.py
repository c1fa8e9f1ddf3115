"""What a record names for a notice, and what the register of notices has of that."""

from __future__ import annotations

import pytest

from tafol.frames.notices_named import UNREADABLE, notice_id, said
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "audience", "named"),
    [
        (b'{"monitoring_notice": {"customer": {"notice_id": "tape"}, "colleague": "policy"}}', "customer", "tape"),
        (b'{"monitoring_notice": {"customer": {"notice_id": "tape"}, "colleague": "policy"}}', "colleague", "policy"),
        (b'{"monitoring_notice": {"customer": null}}', "customer", UNREADABLE),
        (b"{}", "colleague", UNREADABLE),
        (b"[1]", "customer", UNREADABLE),
        (b"\xff", "customer", UNREADABLE),
    ],
)
def test_the_notice_of_a_record(value: bytes, audience: str, named: str) -> None:
    assert notice_id(value, audience) == named


def test_the_register_is_put_in_words() -> None:
    register = logs.notices()
    one = register.notices[0]
    assert said(one.id, one.audience, register).startswith(f"holds from {one.valid_from:%Y-%m-%d}")
    other = "colleague" if one.audience == "customer" else "customer"
    assert said(one.id, other, register) == f"it is for the {one.audience}"
    assert said("never-heard-of", "customer", register) == said(one.id, one.audience, None) == "not published"
