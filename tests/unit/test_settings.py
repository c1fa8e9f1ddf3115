"""Settings: where they come from, who wins, and what a mistake says."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from tafol import settings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_environment_wins_over_file_and_command_line_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, 'data_dir = "/file"\nlog_level = "debug"\n[topics]\npartitions = 3\n[sink]\nmax_rows = 10\n')
    monkeypatch.setenv("TAFOL_TOPICS__PARTITIONS", "4")
    monkeypatch.setenv("TAFOL_DATA_DIR", "/environment")
    found = settings.load(path, data_dir=Path("/command"))
    assert (found.data_dir, found.topics.partitions, found.sink.max_rows) == (Path("/command"), 4, 10)
    assert settings.load(path).data_dir == Path("/environment")
    assert found.log_level == "debug"
    assert found.worker == settings.WorkerSettings()


def test_the_file_is_named_by_the_environment_or_lies_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tafol.toml").write_text("[topics]\npartitions = 5\n")
    assert settings.load().topics.partitions == 5
    monkeypatch.setenv("TAFOL_CONFIG", str(_file(tmp_path, "[topics]\npartitions = 6\n")))
    assert settings.load().topics.partitions == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[kafka]\nbootstrp = "a:1"\n', "kafka.bootstrp: no such setting; did you mean kafka.bootstrap?"),
        ("[topics]\npartitions = 0\n", "topics.partitions"),
        ("[topics]\nrecord_retention_days = 30\n", "topics.record_retention_days"),
        ('[kafka]\nusername = "u"\nbootstrap = "a:1"\n', "kafka.username needs kafka.password_file"),
        ("[kafka]\ntls = true\n", "go with kafka.bootstrap"),
        (
            '[kafka]\nbootstrap = "a:1"\nusername = "u"\npassword_file = "p"\nmechanism = "PLAIN"\n',
            "would send the password in the clear",
        ),
        ('[kafka]\nbootstrap = "kafka-1"\n', "kafka.bootstrap: 'kafka-1' is not host:port"),
        ('[kafka]\nbootstrap = "a:1, b:2"\n', "kafka.bootstrap: ' b:2' is not host:port"),
        ('[clickhouse]\nurl = "localhost:8123"\n', "clickhouse.url begins with"),
        ("[kafka\n", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_names_the_setting(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.load(_file(tmp_path, text))
    assert words in caught.value.message


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAFOL_KAFKA__BOOTSTRP", "a:1")
    with pytest.raises(ConfigError, match="TAFOL_KAFKA__BOOTSTRP") as caught:
        settings.load()
    assert caught.value.hint == "Did you mean TAFOL_KAFKA__BOOTSTRAP?"


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such settings file"):
        settings.load(tmp_path / "absent.toml")


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        settings.read_secret("kafka.password_file", path)
    path.chmod(0o600)
    assert settings.read_secret("kafka.password_file", path) == "secret"
