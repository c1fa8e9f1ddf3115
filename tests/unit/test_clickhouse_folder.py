"""The data folder of the local ClickHouse: a password that is made once and that others can't read."""

from pathlib import Path

import pytest

from tafol.errors import ConfigError
from tafol.local.clickhouse.folder import DataFolder

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.prepare()
    return made


def test_password_is_made_once_and_is_its_owners_alone(folder: DataFolder) -> None:
    password = folder.make_password()
    assert len(password) >= 32
    assert folder.make_password() == folder.read_password() == password
    assert folder.password_file.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_password_that_others_can_read_is_refused(folder: DataFolder) -> None:
    folder.make_password()
    folder.password_file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        folder.make_password()


def test_an_empty_password_is_refused(folder: DataFolder) -> None:
    folder.make_password()
    folder.password_file.write_text("\n")
    with pytest.raises(ConfigError, match="empty"):
        folder.make_password()


def test_what_a_killed_server_left_is_swept(folder: DataFolder) -> None:
    (folder.incoming / "rows-abc").write_bytes(b"1")
    folder.note_ready(17)
    folder.prepare()
    assert list(folder.incoming.iterdir()) == []
    assert not folder.is_ready(17)


def test_the_last_port_is_remembered(folder: DataFolder) -> None:
    assert folder.last_port() is None
    folder.note_port(1234)
    assert folder.last_port() == 1234
