"""What the program's options mean for a command: which settings are in force, whether tracebacks are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sinks.clickhouse import ClickHouseStore
    from streams.connection import Connection
    from tafol.settings import Settings

RUN, FEED, LOOK, SET_UP = "Run", "Send and publish", "Look", "Set up"
"""Groups of commands in the help."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the program. Settings are read when a command asks for them, so that help needs none."""

    config_file: Path | None = None
    data_dir: Path | None = None
    debug: bool = False

    def settings(self) -> Settings:
        """Raises ConfigError naming each setting that is wrong."""
        from tafol.settings import load

        return load(self.config_file, data_dir=self.data_dir)

    def connection(self) -> Connection:
        """The broker in use, once it answers. Says so while it has to wait. Raises Unreachable, ConfigError."""
        from tafol import places
        from tafol.cli.screen import say
        from tafol.topics_admin import wait_for_broker

        settings = self.settings()
        connection = places.kafka(settings)
        wait_for_broker(connection, settings.wait_for_broker_s, say)
        return connection

    @contextmanager
    def store(self) -> Iterator[ClickHouseStore]:
        """The store in use, closed at the end. Raises Unreachable, StoreError, ConfigError."""
        from sinks.clickhouse import ClickHouseStore
        from tafol import places

        store = ClickHouseStore.at(places.clickhouse_address(self.settings()))
        try:
            yield store
        finally:
            store.close()


def of(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.find_object(Session)
    assert found is not None
    return found
