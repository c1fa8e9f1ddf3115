"""Signing a frame, finding one by its name, and the life of those that are published."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.frame_signature import verify
from streams.registers import Appended
from tafol import examples
from tafol.documents import read_frame
from tafol.frames.keys import (
    make_key,
    read_private_key,
    read_public_key,
    read_trusted,
    refuse_unless_agreed,
    sign_file,
)
from tafol.frames.life import lives
from tafol.frames.sources import TRIAL_SEED, load, registers_of
from tafol.publish import Published
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit
SEED = bytes(range(32))
DAY = timedelta(days=1)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """The example frame, in a folder of its own."""
    return Path(shutil.copy(examples.FRAME, tmp_path / "frame.yaml"))


def test_only_a_trusted_signature_agrees(draft: Path, tmp_path: Path) -> None:
    for name in ("ours", "others"):
        (tmp_path / name).mkdir()
        make_key(tmp_path / name / "key")
    unsigned = read_frame(draft).with_seed(SEED)
    with pytest.raises(ConfigError, match="is not signed") as told:
        refuse_unless_agreed(unsigned, read_trusted(tmp_path / "ours"))
    assert "tafol frame sign" in str(told.value.hint)
    signed = sign_file(draft, read_private_key(tmp_path / "ours" / "key"), SEED)
    refuse_unless_agreed(signed, read_trusted(tmp_path / "ours"))
    refuse_unless_agreed(signed, read_trusted(tmp_path / "ours" / "key.pub"))
    with pytest.raises(ConfigError, match="none of the keys given"):
        refuse_unless_agreed(signed, read_trusted(tmp_path / "others"))
    with pytest.raises(ConfigError, match="no public key is given"):
        refuse_unless_agreed(signed, [])
    with pytest.raises(ConfigError, match="holds no public key"):
        read_trusted(tmp_path)


def test_a_signed_file_holds_its_seed_and_keeps_what_was_written(draft: Path, tmp_path: Path) -> None:
    public = read_public_key(make_key(tmp_path / "key"))
    written = draft.read_text()
    frame = sign_file(draft, read_private_key(tmp_path / "key"), SEED)
    assert draft.read_text().startswith(written)
    assert draft.stat().st_mode & 0o077 == 0
    again = read_frame(draft).with_seed(bytes(32))
    assert again == frame
    assert again.seed_bytes == SEED
    verify(again, [public])


def test_a_change_after_the_signature_shows(draft: Path, tmp_path: Path) -> None:
    public = read_public_key(make_key(tmp_path / "key"))
    sign_file(draft, read_private_key(tmp_path / "key"), SEED)
    draft.write_text(draft.read_text().replace("rate: 0.20", "rate: 0.02"))
    with pytest.raises(ConfigError, match="its content is not what was signed"):
        verify(read_frame(draft).with_seed(bytes(32)), [public])


def test_a_file_is_signed_once(draft: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    key = read_private_key(tmp_path / "key")
    sign_file(draft, key, SEED)
    with pytest.raises(ConfigError, match="is signed already"):
        sign_file(draft, key, SEED)


def test_a_file_to_which_nothing_can_be_added_is_left_as_it_is(draft: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    whole = draft.read_text() + "...\n"
    draft.write_text(whole)
    with pytest.raises(ConfigError, match="cannot be added at its end"):
        sign_file(draft, read_private_key(tmp_path / "key"), SEED)
    assert draft.read_text() == whole
    assert sorted(one.name for one in tmp_path.iterdir()) == ["frame.yaml", "key", "key.pub"]


def test_keys_are_never_overwritten_and_kept_from_others(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="is there already"):
        make_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        read_private_key(tmp_path / "key")


def test_a_file_that_is_no_key_is_said_to_be_none(tmp_path: Path, draft: Path) -> None:
    draft.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no private Ed25519 key"):
        read_private_key(draft)
    with pytest.raises(ConfigError, match="holds no public Ed25519 key"):
        read_public_key(draft)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_private_key(tmp_path / "none")


def test_a_frame_is_found_by_file_and_by_version(draft: Path) -> None:
    published = Published(frames=(Appended(logs.frame(), logs.NOON),))
    from_file = load(str(draft), lambda: published)
    assert (from_file.frame.seed_bytes, from_file.has_seed) == (TRIAL_SEED, False)
    from_register = load("centre:1", lambda: published)
    assert (from_register.frame, from_register.has_seed) == (logs.frame(), True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("centre:2", "no sampling frame centre:2 is published\nThere is centre:1."),
        ("frame.yml", "frame.yml: there is no such file"),
        ("centre", "centre: there is no such file, and it is not id:version"),
    ],
)
def test_a_frame_that_is_not_there_is_met_with_what_is(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(name, lambda: Published(frames=(Appended(logs.frame(), logs.NOON),)))
    assert said in str(refused.value)


def test_the_life_of_frames() -> None:
    now = logs.NOON
    first = logs.frame()
    second = logs.frame(version=2, holds_from=(now - DAY).isoformat(), holds_until=(now + 2 * DAY).isoformat())
    third = logs.frame(version=3, holds_from=(now + 5 * DAY).isoformat())
    late = logs.frame(version=4, holds_from=(now - 9 * DAY).isoformat())
    log = [
        Appended(first, now - 30 * DAY), Appended(second, now - 3 * DAY), Appended(third, now), Appended(late, now),
    ]  # fmt: skip
    assert [(one.frame.version, one.state, one.starts, one.ends) for one in lives(log, now)] == [
        (1, "retired", None, now - DAY),
        (2, "active", now - DAY, now + 2 * DAY),
        (3, "coming", now + 5 * DAY, None),
        (4, "void", None, None),
    ]
    assert lives(log, now + 3 * DAY)[1].state == "retired"


def test_published_registers_are_those_that_workers_see() -> None:
    published = Published(
        frames=(Appended(logs.frame(), logs.NOON),), notices=(Appended(logs.notices(), logs.NOON),)
    )  # fmt: skip
    registers = registers_of(published)
    assert registers.frames.at(logs.NOON) == logs.frame()
    assert registers.notices.at(logs.NOON) == logs.notices()
