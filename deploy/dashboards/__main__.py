"""Write the dashboards: python -m deploy.dashboards [--desk URL] [--to FOLDER]."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy.dashboards.every import DASHBOARDS, FOLDER
from deploy.dashboards.frame import LOCAL_DESK


def main() -> None:
    """Write each dashboard to a file of its own, and remove files of dashboards that are gone."""
    parser = argparse.ArgumentParser(description="Write Grafana's dashboards as JSON.")
    parser.add_argument("--desk", default=LOCAL_DESK, help="where people reach the review desk")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder to write to")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    for old in asked.to.glob("tafol-*.json"):
        old.unlink()
    for one in DASHBOARDS:
        (asked.to / f"{one.uid}.json").write_text(one.json(asked.desk), encoding="utf-8")


if __name__ == "__main__":
    main()
