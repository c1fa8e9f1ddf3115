"""Keys that sign what was agreed (Ed25519): made once, the private half in a file that only its owner can read.

A signature covers every field of a frame, the seed by its hash (`schemas.frame_signature`). It is written into the YAML
file, at its end, so that publishing carries it along.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.frame_signature import sign, verify
from tafol.documents import FrameDocument, read_frame

PUBLIC_SUFFIX: Final = ".pub"
PUBLIC_HINT: Final = "It is the file that ends in .pub, made by tafol frame key FILE."
OWNER_ONLY: Final = 0o600
OTHERS: Final = 0o077


def make_key(path: Path) -> Path:
    """Makes a key pair: the private key in `path`, the public one beside it, whose path is returned.

    Raises ConfigError where either file is there: a key that is lost can never be made again.
    """
    public_path = path.with_name(path.name + PUBLIC_SUFFIX)
    private = Ed25519PrivateKey.generate()
    written = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for one, content, mode in ((path, written, OWNER_ONLY), (public_path, shown, 0o644)):
        try:
            with os.fdopen(os.open(one, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
        except FileExistsError:
            raise ConfigError(
                f"{one} is there already", hint="Name another file; keys are never overwritten."
            ) from None
        except OSError as error:
            raise ConfigError(f"{one} cannot be written: {error.strerror}") from None
    return public_path


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises ConfigError when it cannot be read, others can read it, or it is no such key."""
    raw = _read(path, "Make one: tafol frame key FILE")
    if path.stat().st_mode & OTHERS:
        raise ConfigError(f"{path} can be read by others", hint=f"chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} holds no private Ed25519 key", hint="Make one: tafol frame key FILE")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Raises ConfigError when it cannot be read, or is no such key."""
    try:
        key = serialization.load_pem_public_key(_read(path, PUBLIC_HINT))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(
            f"{path} holds no public Ed25519 key",
            hint=PUBLIC_HINT,
        )
    return key


def read_trusted(path: Path) -> list[Ed25519PublicKey]:
    """The public keys of a file, or of all files in a folder that end in .pub. Raises ConfigError, also for none."""
    files = sorted(path.glob(f"*{PUBLIC_SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(
            f"{path} holds no public key", hint="Put the .pub files there that tafol frame key FILE has made."
        )
    return [read_public_key(one) for one in files]


def refuse_unless_agreed(frame: SamplingFrame, trusted: Sequence[Ed25519PublicKey]) -> None:
    """Raises ConfigError, with what to do, unless one of the `trusted` keys signed this very frame."""
    signature = frame.signature
    if signature is None:
        raise ConfigError(
            f"sampling frame {frame.ref} is not signed: nothing says that it is what was agreed",
            hint="Sign it once it is agreed: tafol frame sign FILE --key KEY (tafol frame key KEY makes one), and "
            "publish it with --key KEY.pub. To try a draft: --unsigned.",
        )
    if not trusted:
        raise ConfigError(
            f"sampling frame {frame.ref} is signed with key {signature.key_id}, and no public key is given to check it",
            hint="Name the .pub file of whoever signs: --key PUB, or the setting frame_keys.",
        )
    verify(frame, trusted)


def sign_file(path: Path, key: Ed25519PrivateKey, new_seed: bytes) -> SamplingFrame:
    """Signs a frame file: adds the signature at its end, and before it `new_seed` where it has no seed yet; the frame.

    The signature holds for this seed alone, so the seed has to be in the file from then on, which only its owner may
    read. Raises ConfigError for a file that is wrong or signed already.
    """
    document = read_frame(path)
    _refuse_signed(document)
    frame = sign(document.with_seed(new_seed), key)
    assert frame.signature is not None
    added = [] if document.has_seed else [f"seed: {frame.seed}"]
    added += ["signature:", *(f"  {name}: {value}" for name, value in frame.signature)]
    text = path.read_text(encoding="utf-8-sig")
    whole = text + ("" if text.endswith("\n") else "\n") + "\n".join(added) + "\n"
    partial = path.with_name(path.name + ".signing")
    try:
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "w", encoding="utf-8"
        ) as file:
            file.write(whole)
        if not _holds(partial, frame):
            raise ConfigError(
                f"{path}: the signature cannot be added at its end",
                hint="The file must be plain 'name: value' lines, without '...' or braces around the whole.",
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return frame


def _holds(path: Path, frame: SamplingFrame) -> bool:
    try:
        document = read_frame(path)
    except ConfigError:
        return False
    return document.has_seed and document.with_seed(frame.seed_bytes) == frame


def _refuse_signed(document: FrameDocument) -> None:
    if document.fields.get("signature") is not None:
        raise ConfigError(
            f"{document.path} is signed already",
            hint="Check it with tafol frame verify-signature; to sign a changed frame, remove its lines 'signature:'.",
        )


def _read(path: Path, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from None
