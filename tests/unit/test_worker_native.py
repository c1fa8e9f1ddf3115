"""A worker and the compiled half of sampling."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from streams.connection import Connection
from tafol import settings, worker

pytestmark = pytest.mark.unit


def test_a_library_of_another_version_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load() -> None:
        raise OSError("_native.so was built from another version; install Tafol again")

    monkeypatch.setattr(worker, "load_native", load)
    one = worker._Worker("sampling", settings.load(data_dir=tmp_path), Connection("127.0.0.1:1"))
    with pytest.raises(ConfigError, match="built from another version") as raised:
        _ = one.native
    assert "worker.compiled" in (raised.value.hint or "")


def test_who_switched_it_off_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAFOL_WORKER__COMPILED", "false")
    one = worker._Worker("sampling", settings.load(data_dir=tmp_path), Connection("127.0.0.1:1"))
    assert one.native is None
