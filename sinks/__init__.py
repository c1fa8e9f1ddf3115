"""ClickHouse and Prometheus: what flows through the topics becomes tables that can be asked and numbers to watch.

    rows.py       records of each topic -> rows (pure)
    batching.py   when a batch is full (pure)
    retries.py    which error is waited out, which stops the worker, which is one bad row (pure)
    writer.py     inserts a batch, its positions last; finds where to go on
    store.py      what a store is; clickhouse.py and memory.py are the two there are
    tables.py     the tables as the code sees them; migrations/*.sql makes them, migrate.py and retention.py keep them
    queries/      the query library
    metrics.py    every Prometheus metric, declared once

Imports `schemas` alone.
"""
