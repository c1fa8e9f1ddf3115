"""A second desk on one SQLite is refused, by name of the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tafol import settings as all_settings
from tafol.desk import run
from tafol.errors import HeldByAnother
from tafol.local.process import FolderClaim

pytestmark = pytest.mark.unit


def test_a_second_desk_on_one_sqlite_is_refused(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path / "desk")
    try:
        with pytest.raises(HeldByAnother, match="is held by process"):
            run(all_settings.load(None, data_dir=tmp_path))
    finally:
        claim.release()
