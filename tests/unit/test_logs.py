"""Logs: JSON where a program reads them, and libraries that repeat themselves are heard once."""

from __future__ import annotations

import json
import logging

import pytest

from tafol.logs import QUIET_FOR_S, JsonLines, NotAgain

pytestmark = pytest.mark.unit


def _record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def test_a_line_is_one_json_object() -> None:
    line = JsonLines().format(_record("tafol.worker", "at %s\nand more", "chwarel"))
    assert "\n" not in line
    assert json.loads(line) == {
        "at": json.loads(line)["at"],
        "level": "error",
        "logger": "tafol.worker",
        "message": "at chwarel\nand more",
    }


def test_a_library_is_heard_once_in_a_while_and_we_are_always() -> None:
    now_s = 0.0
    not_again = NotAgain(lambda: now_s)
    assert not_again.filter(_record("aiokafka.client", "Unable to update metadata from %s", [1]))
    assert not not_again.filter(_record("aiokafka.client", "Unable to update metadata from %s", [2]))
    assert not_again.filter(_record("aiokafka.client", "another thing"))
    assert not_again.filter(_record("tafol.worker", "stopping"))
    assert not_again.filter(_record("tafol.worker", "stopping"))
    now_s = QUIET_FOR_S
    assert not_again.filter(_record("aiokafka.client", "Unable to update metadata from %s", [3]))
