"""What of a frame is signed: any change shows, the seed stays secret, a round trip keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.frame_signature import content, content_sha256, key_id, sign, verify
from tests.unit.drawing.logs import frame

pytestmark = pytest.mark.unit

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
AGREED = {"agreed_by": [{"name": "Ann Example", "at": "2026-03-01T09:00:00Z", "note": "as discussed"}]}


def test_a_signed_frame_verifies_also_after_it_has_travelled() -> None:
    signed = sign(frame(**AGREED), KEY)
    assert signed.signature is not None
    assert signed.signature.key_id == key_id(KEY.public_key())
    travelled = SamplingFrame.model_validate_json(signed.model_dump_json())
    verify(travelled, [OTHER.public_key(), KEY.public_key()])
    assert content_sha256(travelled) == content_sha256(frame(**AGREED))


def test_the_seed_enters_by_its_hash_alone() -> None:
    held = frame(**AGREED)
    assert held.seed.encode() not in content(held)
    assert held.seed.encode() in json.dumps(held.model_dump(mode="json")).encode()
    assert content(held) != content(held.model_copy(update={"seed": "00" * 32}))


def test_fields_at_their_defaults_do_not_count_so_that_a_newer_program_comes_to_the_same() -> None:
    assert content(frame(lateness_s=3600.0, blind=False)) == content(frame())
    fields = json.loads(content(frame()))
    assert "blind" not in fields
    assert [one["draw"]["method"] for one in fields["strata"]] == ["quota", "random", "systematic", "quota"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"lawful_purpose": "another"}, {"lateness_s": 60.0}, {"agreed_by": []}, {"overlays": []},
        {"holds_until": "2027-01-01T00:00:00Z"}, {"data_protection_assessment": "DPIA-7"}, {"seed": "00" * 32},
    ],
)  # fmt: skip
def test_whatever_is_changed_after_signing_shows(change: dict[str, Any]) -> None:
    signed = sign(frame(**AGREED), KEY)
    changed = SamplingFrame.model_validate({**signed.model_dump(), **change})
    with pytest.raises(ConfigError, match="not what was signed"):
        verify(changed, [KEY.public_key()])


def test_no_signature_an_unknown_key_and_a_false_signature_are_each_named() -> None:
    with pytest.raises(ConfigError, match="is not signed"):
        verify(frame(), [KEY.public_key()])
    signed = sign(frame(), KEY)
    with pytest.raises(ConfigError, match="none of the keys given"):
        verify(signed, [OTHER.public_key()])
    assert signed.signature is not None
    false = signed.signature.model_copy(update={"ed25519": "00" * 64})
    with pytest.raises(ConfigError, match="signature is false"):
        verify(signed.model_copy(update={"signature": false}), [KEY.public_key()])
