"""Where a running worker answers, said in two small files of the data folder: for `tafol status`, and for Prometheus.

Prometheus takes `run/prometheus/*.json` as they are (file_sd_configs): a target a worker. Both files go when the worker
stops; those of one that was killed go when the next worker starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tafol.status import process_lives

TARGETS: Final = "prometheus"
"""Folder of Prometheus' targets in the run folder."""


@contextmanager
def announced(run_dir: Path, role: str, url: str, lives: Callable[[int], bool] = process_lives) -> Iterator[None]:
    """Keep the files of this process while inside. `url`: http://host:port."""
    targets = run_dir / TARGETS
    targets.mkdir(parents=True, exist_ok=True)
    _sweep(run_dir, lives)
    name = f"worker-{role}-{os.getpid()}.json"
    said = {
        run_dir / name: {"role": role, "pid": os.getpid(), "url": url},
        targets / name: [{"targets": [url.removeprefix("http://")], "labels": {"role": role}}],
    }
    for file, content in said.items():
        _write(file, content)
    try:
        yield
    finally:
        for file in said:
            file.unlink(missing_ok=True)


def _sweep(run_dir: Path, lives: Callable[[int], bool]) -> None:
    """Remove what workers left that were killed."""
    for file in (*run_dir.glob("worker-*-*.json"), *(run_dir / TARGETS).glob("worker-*-*.json")):
        pid = file.stem.rpartition("-")[2]
        if pid.isdigit() and not lives(int(pid)):
            file.unlink(missing_ok=True)


def _write(file: Path, content: Any) -> None:
    """In one go: a reader never sees half of it."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(content))
    draft.replace(file)
