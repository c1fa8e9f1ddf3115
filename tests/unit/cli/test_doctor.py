"""The checks that need no server, and what the doctor says while none answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.frame_signature import sign
from tafol import doctor
from tafol.doctor import Finding, Patient
from tafol.frames.keys import make_key, read_private_key
from tafol.settings import Settings
from tests.unit.drawing.logs import frame

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
def patient(tmp_path: Path) -> Callable[..., Patient]:
    def with_settings(**fields: Any) -> Patient:
        return Patient(Settings.model_validate({"data_dir": tmp_path, **fields}), lambda: NOW)

    return with_settings


def test_this_installation_is_well(patient: Callable[..., Patient]) -> None:
    checks = (doctor.check_python, doctor.check_packages)
    findings = list(itertools.chain.from_iterable(check(patient()) for check in checks))
    assert [one.verdict for one in findings] == ["ok", "ok"], findings


def test_a_secret_that_others_can_read_fails_with_the_command_that_mends_it(
    patient: Callable[..., Patient], tmp_path: Path
) -> None:
    key = tmp_path / "pseudonym.key"
    key.write_text("00" * 32)
    key.chmod(0o644)
    (finding,) = doctor.check_secrets(patient())
    assert (finding.verdict, finding.cure) == ("fail", f"chmod 600 {key}")
    key.chmod(0o600)
    (finding,) = doctor.check_secrets(patient())
    assert (finding.verdict, finding.found) == ("ok", "pseudonym_key_file")


def test_a_secret_that_is_missing_fails(patient: Callable[..., Patient], tmp_path: Path) -> None:
    (finding,) = doctor.check_secrets(patient(pseudonym_key_file=tmp_path / "none"))
    assert finding.verdict == "fail"
    assert "No such file" in finding.found


def test_a_data_folder_that_is_a_file_fails(patient: Callable[..., Patient], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = doctor.check_data_folder(patient(data_dir=tmp_path / "file"))
    assert finding.verdict == "fail"


def test_a_data_folder_that_is_not_made_yet_is_fine(patient: Callable[..., Patient], tmp_path: Path) -> None:
    folder, _space = doctor.check_data_folder(patient(data_dir=tmp_path / "a" / "b"))
    assert (folder.verdict, folder.found) == ("ok", f"{tmp_path / 'a' / 'b'} (not made yet)")


@pytest.mark.parametrize(("days", "verdict"), [(1.0, "warn"), (3.9, "warn"), (4.0, "ok"), (21.0, "ok"), (22.0, "warn")])
def test_raw_data_is_kept_neither_too_short_nor_too_long(
    patient: Callable[..., Patient], days: float, verdict: str
) -> None:
    (finding,) = doctor.check_retention(patient(topics={"source_retention_days": days}))
    assert finding.verdict == verdict


def test_one_copy_on_a_kafka_of_ones_own_is_warned_of(patient: Callable[..., Patient]) -> None:
    assert list(doctor.check_replication(patient())) == []
    (finding,) = doctor.check_replication(patient(kafka={"bootstrap": "kafka:9092"}))
    assert finding.verdict == "warn"


def test_servers_that_are_away_are_findings_not_exceptions(patient: Callable[..., Patient]) -> None:
    findings = doctor.examine(patient().settings, lambda: NOW)
    failed = {one.name: one for one in findings if one.verdict == "fail"}
    assert set(failed) == {"broker", "clickhouse"}
    assert all("is not running" in one.found and one.cure for one in failed.values())
    assert doctor.worst(findings) == "fail"


def test_the_gravest_verdict_counts() -> None:
    ok, warn, fail = (Finding("check", verdict, "") for verdict in ("ok", "warn", "fail"))
    assert [doctor.worst(these) for these in ([], [ok], [ok, warn], [warn, fail, ok])] == ["ok", "ok", "warn", "fail"]


def test_a_frame_that_no_trusted_key_signed_is_a_warning(tmp_path: Path) -> None:
    make_key(tmp_path / "ours.key")
    (unsigned,) = doctor.check_signature(frame(), tmp_path)
    assert (unsigned.verdict, unsigned.name) == ("warn", "signature of the frame")
    assert "is not signed" in unsigned.found
    signed = sign(frame(), read_private_key(tmp_path / "ours.key"))
    assert list(doctor.check_signature(signed, tmp_path)) == []
