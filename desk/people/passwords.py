"""Passwords of local accounts: argon2id, and what a new one must be."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from desk.errors import Invalid, Problem

SHORTEST: Final = 12
"""Characters. Length over composition rules (NIST SP 800-63B)."""
LONGEST: Final = 200
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least for argon2id: 19 MiB, 2 passes, 1 lane; about 30 ms."""
NOBODY: Final = HASHER.hash("nobody has this password")
"""Checked where there is no account or no password, so that an unknown name takes as long as a wrong password."""


def hashed(password: str) -> str:
    return HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed."""
    try:
        right = HASHER.verify(kept or NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters, and is to be made again."""
    return HASHER.check_needs_rehash(kept)


def check_new(password: str, login: str) -> None:
    """Raises Invalid for a password that is too short, too long, or says who it belongs to."""
    if not SHORTEST <= len(password) <= LONGEST:
        wrong = Problem("password", "length", f"{SHORTEST} to {LONGEST} characters")
    elif login.lower() in password.lower() or len(set(password)) < 5:
        wrong = Problem("password", "weak", "not the sign-in name, and at least 5 different characters")
    else:
        return
    raise Invalid("the password will not do: " + wrong.message, (wrong,))
