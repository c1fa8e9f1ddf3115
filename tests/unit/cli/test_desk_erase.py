"""tafol desk erase: the reference comes by a pipe, and the pseudonym is the workers' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from desk.intake import Intake
from schemas.catalogue import REVIEW_TASKS
from tafol import settings as all_settings
from tafol.cli.program import app
from tafol.desk import ENGINEER, opened
from tafol.worker import pseudonyms
from tests.fixtures.desk import arrived, make_task

pytestmark = pytest.mark.unit


def test_a_customer_is_erased_by_reference(tmp_path: Path) -> None:
    settings = all_settings.load(None, data_dir=tmp_path)
    theirs = pseudonyms(settings).of("customer-77")
    with opened(settings) as desk:
        task = make_task(transaction={"customer_pseudonym": theirs})
        Intake(desk.here).tasks([arrived(REVIEW_TASKS, task.model_dump_json())])
    done = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "desk", "erase"], input="customer-77\n")
    assert done.exit_code == 0, done.output
    assert "content of 1 transaction(s)" in done.output
    assert "customer-77" not in done.output
    with opened(settings) as desk:
        (entry,) = [one for one in desk.audit.entries(ENGINEER) if one.action == "customer.erase"]
    assert entry.actor_id == "engineer"
