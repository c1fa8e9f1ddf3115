"""One run: reviewers at work on one desk, which is ended by kill -9 in mid-load and started again on the same store."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from bench.desk_load.ground import add_tasks, prepare, start
from bench.desk_load.reviewers import REQUEST_TIMEOUT_S, Reviewer, Told
from bench.desk_load.verdict import Result, judge
from desk.store.database import Database
from desk.store.tables import TaskRow
from tafol.local.process import any_free_port

UP_BEFORE_KILL_S: Final = (3.0, 6.0)


def run(url: str, *, reviewers: int, transactions: int, kills: int, think_s: float, say: bool = True) -> Result:
    """One run on the store at `url`, which must be empty."""
    tokens, account_ids, tasks = prepare(url, reviewers, transactions)
    told, done = Told(), threading.Event()
    told.calm.set()
    database = Database(url)
    with tempfile.TemporaryDirectory() as folder:
        port = any_free_port()
        desk = start(url, port, Path(folder))
        people = [
            Reviewer(person, token, port=port, told=told, done=done, think_s=think_s)
            for person, token in enumerate(tokens)
        ]
        for one in people:
            one.start()
        chance, killed = random.Random(1), 0
        try:
            while (left := _open_tasks(database)) or killed < kills:
                if killed < kills and left <= len(tasks) / 2:
                    told.calm.clear()
                    if left < reviewers:  # on a slow machine: every kill is to meet people at work
                        made = len({one.transaction.id for one in tasks})
                        tasks += add_tasks(database, range(made, made + reviewers))
                    time.sleep(chance.uniform(*UP_BEFORE_KILL_S))
                    os.kill(desk.pid, signal.SIGKILL)
                    desk.ended.wait()
                    killed += 1
                    desk = start(url, port, Path(folder))
                    if say:
                        sys.stderr.write(f"  killed {killed} times, {left} of {len(tasks)} tasks were open\n")
                time.sleep(0.5)
        finally:
            done.set()
            for one in people:
                one.join(REQUEST_TIMEOUT_S)
            desk.stop(10.0)
    try:
        return judge(database, tasks, told, account_ids)._replace(kills=killed)
    finally:
        database.close()


def _open_tasks(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(TaskRow.state == "open")) or 0
