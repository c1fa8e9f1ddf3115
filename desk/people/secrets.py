"""Secrets that are handed out and kept as hashes: session cookies, bearer tokens, CSRF tokens.

They are 32 random bytes, so a plain SHA-256 keeps them: there is nothing to guess.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

SECRET_BYTES: Final = 32
TOKEN_PREFIX: Final = "tafol_"  # noqa: S105 - a prefix that secret scanners can look for, not a secret


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """43 characters that fit a cookie and an address."""
    return base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).decode().rstrip("=")


def kept(secret: str) -> str:
    """What the store keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(session_secret: str) -> str:
    """The CSRF token of a session: made from its secret, so nothing more is kept, and worth nothing without it."""
    return hmac.new(session_secret.encode(), b"tafol-csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
