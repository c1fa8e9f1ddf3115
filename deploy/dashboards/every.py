"""All dashboards, and the folder that holds their files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.dashboards.alerts import ALERTS
from deploy.dashboards.coverage import COVERAGE
from deploy.dashboards.frame import Dashboard
from deploy.dashboards.pipeline import PIPELINE
from deploy.dashboards.quality import QUALITY
from deploy.dashboards.queues import QUEUES

DASHBOARDS: Final[tuple[Dashboard, ...]] = (QUALITY, COVERAGE, QUEUES, ALERTS, PIPELINE)
FOLDER: Final = Path(__file__).parents[1] / "grafana/dashboards"
