"""What of a sampling frame is agreed, hashed and signed (Ed25519), so that anyone can check it later.

Content: the frame as canonical JSON (keys sorted, no spaces, UTF-8, fields that stand at their defaults left out) less
the signature, and with the seed's SHA-256 in place of the seed. So a signed content can be shown to anyone while the
seed is still secret, and a later version of Tafol, which knows more fields, comes to the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.errors import ConfigError
from schemas.frame import SamplingFrame, Signature

KEY_ID_CHARS = 16


def seed_sha256(seed: bytes) -> str:
    """What may be shown of a seed."""
    return hashlib.sha256(seed).hexdigest()


def content(frame: SamplingFrame) -> bytes:
    """The canonical JSON of what is agreed. A frame without its seed cannot give it; one with it always gives this."""
    fields: dict[str, Any] = frame.model_dump(mode="json", exclude_defaults=True, exclude={"seed", "signature"})
    fields["seed_sha256"] = seed_sha256(frame.seed_bytes)
    for written, stratum in zip(fields["strata"], frame.strata, strict=True):
        written["draw"]["method"] = stratum.draw.method
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_sha256(frame: SamplingFrame) -> str:
    """Hash of the content, as hex."""
    return hashlib.sha256(content(frame)).hexdigest()


def key_id(public_key: Ed25519PublicKey) -> str:
    """Names a public key: the head of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:KEY_ID_CHARS]


def sign(frame: SamplingFrame, private_key: Ed25519PrivateKey) -> SamplingFrame:
    """The frame with its signature; one that it has is replaced."""
    digest = content_sha256(frame)
    signature = Signature(
        content_sha256=digest,
        key_id=key_id(private_key.public_key()),
        ed25519=private_key.sign(bytes.fromhex(digest)).hex(),
    )
    return frame.model_copy(update={"signature": signature})


def verify(frame: SamplingFrame, public_keys: Iterable[Ed25519PublicKey]) -> None:
    """Raises ConfigError, with what is wrong, unless one of `public_keys` signed this very content."""
    name, signature = f"sampling frame {frame.ref}", frame.signature
    if signature is None:
        raise ConfigError(f"{name} is not signed")
    if signature.content_sha256 != content_sha256(frame):
        raise ConfigError(
            f"{name}: its content is not what was signed",
            hint="It was changed after it was agreed. Publish the change as a new version, agreed and signed.",
        )
    signed_by = next((one for one in public_keys if key_id(one) == signature.key_id), None)
    if signed_by is None:
        raise ConfigError(f"{name} is signed with key {signature.key_id}, which is none of the keys given")
    try:
        signed_by.verify(bytes.fromhex(signature.ed25519), bytes.fromhex(signature.content_sha256))
    except InvalidSignature:
        raise ConfigError(f"{name}: the signature is false") from None
