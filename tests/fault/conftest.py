"""kafka-python leaves its sockets unclosed when a broker dies under it. Here that is no fault, and it stays here."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(autouse=True)
def sockets_end_with_their_test() -> Iterator[None]:
    """Those left in cycles too: another test would be blamed for them."""
    yield
    gc.collect()
