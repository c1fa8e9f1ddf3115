"""topics, migrate, broker, clickhouse: what records stand on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tafol.cli import session
from tafol.cli.screen import say, show, show_json, show_table

if TYPE_CHECKING:
    from streams.topics import Topic
    from tafol.settings import Settings

MISSING_OR_OTHER = 1


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    topics = typer.Typer(no_args_is_help=True, help="The topics, as streams/topics.py declares them.")
    topics.command("apply")(topics_apply)
    topics.command("check")(topics_check)
    app.add_typer(topics, name="topics", rich_help_panel=session.SET_UP)
    app.command(rich_help_panel=session.SET_UP)(migrate)
    broker = typer.Typer(no_args_is_help=True, help="The local Kafka, for a machine that has none.")
    broker.command("start")(broker_start)
    broker.command("stop")(broker_stop)
    broker.command("status")(broker_status)
    app.add_typer(broker, name="broker", rich_help_panel=session.SET_UP)
    clickhouse = typer.Typer(no_args_is_help=True, help="The local ClickHouse, for a machine that has none.")
    clickhouse.command("start")(clickhouse_start)
    clickhouse.command("stop")(clickhouse_stop)
    clickhouse.command("status")(clickhouse_status)
    app.add_typer(clickhouse, name="clickhouse", rich_help_panel=session.SET_UP)


def topics_apply(context: typer.Context, as_json: session.Json = False) -> None:
    """Make the topics that are missing, and bring the settings of the others in line. Never changes partitions."""
    from tafol import topics_admin

    here = session.of(context)
    settings, connection = here.settings(), here.connection()
    done = topics_admin.apply(connection, _declared(settings), settings.kafka.replication)
    if as_json:
        show_json([dataclasses.asdict(one) for one in done])
        return
    rows = [
        (one.topic, one.outcome, "; ".join(f"{c.what}: {c.found} -> {c.wanted}" for c in one.changes)) for one in done
    ]
    show_table(("topic", "outcome", "what changed"), rows)
    for one in done:
        for left in one.left:
            say(f"Left as it is: {left} (copies change by reassignment only).")


def topics_check(context: typer.Context, as_json: session.Json = False) -> None:
    """Say where the broker's topics differ from the declaration. Exit code 1 when they do."""
    from tafol import topics_admin

    here = session.of(context)
    settings, connection = here.settings(), here.connection()
    differences = topics_admin.check(connection, _declared(settings), settings.kafka.replication)
    if as_json:
        show_json([one._asdict() for one in differences])
    elif differences:
        show_table(("topic", "what", "found", "wanted"), differences)
        say("Bring them in line: tafol topics apply")
    else:
        show("All topics are as declared.")
    raise typer.Exit(MISSING_OR_OTHER if differences else 0)


def migrate(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: session.Json = False,
) -> None:
    """Make or update the tables in ClickHouse, and set how long rows are kept. Harmless when all is up to date."""
    from sinks import migrate as migrations
    from sinks.clickhouse import ClickHouseStore
    from sinks.retention import apply_retention
    from tafol import clock, places
    from tafol.stack import retention

    settings = session.of(context).settings()
    store = ClickHouseStore.at(places.clickhouse_address(settings))
    try:
        done = migrations.pending(store) if dry_run else migrations.migrate(store, clock.now)
        kept = () if dry_run else apply_retention(store, retention(settings))
    finally:
        store.close()
    if as_json:
        key = "pending" if dry_run else "applied"
        show_json({"database": store.database, key: [one.file_name for one in done], "retention_changed": list(kept)})
        return
    verb = "Would apply" if dry_run else "Applied"
    for one in done:
        show(f"{verb} {one.file_name}")
    if kept:
        show(f"Set how long rows are kept: {', '.join(kept)}")
    if not done and not kept:
        show(f"Database {store.database} is up to date.")


def broker_start(context: typer.Context, as_json: session.Json = False) -> None:
    """Start the local Kafka; it lives on by itself. The first start fetches Kafka's jars, once for all (43 MB)."""
    from tafol import places
    from tafol.cli.screen import progress_bar
    from tafol.local import broker

    settings = _own_broker(context)
    folder = places.broker_dir(settings)
    before = broker.status(folder)
    if not before.running:
        with progress_bar(None) as bar:
            task = bar.add_task("Kafka's jars", total=None, visible=False)
            before = broker.start_detached(
                broker.BrokerConfig(folder, port=settings.kafka.local_port),
                notify=say,
                on_fetched=lambda got: bar.update(task, completed=got.done_bytes, total=got.total_bytes, visible=True),
            )
    _show_server("Kafka", before, as_json)


def broker_stop(context: typer.Context, as_json: session.Json = False) -> None:
    """Stop the local Kafka that `broker start` started. Its data stay."""
    from tafol import places
    from tafol.local import broker

    folder = places.broker_dir(_own_broker(context))
    before = broker.stop(folder)
    _show_stopped("Kafka", before.running, broker.status(folder), as_json)


def broker_status(context: typer.Context, as_json: session.Json = False) -> None:
    """Say whether the local Kafka runs, and where. Exit code 1 when it does not."""
    from tafol import places
    from tafol.local import broker

    _show_server("Kafka", broker.status(places.broker_dir(_own_broker(context))), as_json)


def clickhouse_start(context: typer.Context, as_json: session.Json = False) -> None:
    """Start the local ClickHouse; it lives on by itself."""
    from tafol import places
    from tafol.local import clickhouse

    settings = _own_clickhouse(context)
    folder = places.clickhouse_dir(settings)
    found = clickhouse.status(folder)
    if not found.running:
        config = clickhouse.ClickHouseConfig(folder, port=settings.clickhouse.local_port)
        found = clickhouse.start_detached(config, notify=say)
    _show_server("ClickHouse", found, as_json)


def clickhouse_stop(context: typer.Context, as_json: session.Json = False) -> None:
    """Stop the local ClickHouse that `clickhouse start` started. Its data stay."""
    from tafol import places
    from tafol.local import clickhouse

    folder = places.clickhouse_dir(_own_clickhouse(context))
    before = clickhouse.stop(folder)
    _show_stopped("ClickHouse", before.running, clickhouse.status(folder), as_json)


def clickhouse_status(context: typer.Context, as_json: session.Json = False) -> None:
    """Say whether the local ClickHouse runs, and where. Exit code 1 when it does not."""
    from tafol import places
    from tafol.local import clickhouse

    _show_server("ClickHouse", clickhouse.status(places.clickhouse_dir(_own_clickhouse(context))), as_json)


def _declared(settings: Settings) -> tuple[Topic, ...]:
    from streams.topics import topics

    kept = settings.topics
    return topics(kept.partitions, kept.source_retention_days, kept.record_retention_days)


def _own_broker(context: typer.Context) -> Settings:
    from schemas.errors import ConfigError

    settings = session.of(context).settings()
    if settings.kafka.bootstrap is not None:
        raise ConfigError(
            f"the settings name a Kafka of your own, {settings.kafka.bootstrap}",
            hint="`tafol broker` is for the local one; `tafol doctor` looks at yours.",
        )
    return settings


def _own_clickhouse(context: typer.Context) -> Settings:
    from schemas.errors import ConfigError

    settings = session.of(context).settings()
    if settings.clickhouse.url is not None:
        raise ConfigError(
            f"the settings name a ClickHouse of your own, {settings.clickhouse.url}",
            hint="`tafol clickhouse` is for the local one; `tafol doctor` looks at yours.",
        )
    return settings


def _show_server(name: str, found: Any, as_json: bool) -> None:
    if as_json:
        show_json(dataclasses.asdict(found))
    elif found.running:
        address = getattr(found, "bootstrap", None) or getattr(found, "address", None)
        state = "answers" if found.answers else "does not answer"
        show(f"The local {name} runs and {state} at {address} (process {found.pid}); data in {found.data_dir}")
    else:
        show(f"The local {name} does not run; data in {found.data_dir}")
    raise typer.Exit(0 if found.running else 1)


def _show_stopped(name: str, ran: bool, found: Any, as_json: bool) -> None:
    if as_json:
        show_json({**dataclasses.asdict(found), "stopped": ran})
    else:
        show(f"The local {name} is stopped." if ran else f"The local {name} was not running.")
