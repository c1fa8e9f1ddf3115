"""Documents of a plausible contact centre, as people would write them: the demo publishes them, and they are a start
for documents of your own. Its sites, teams and topics are those that the simulator plays.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
FRAME: Final = FOLDER / "frame.yaml"
NOTICES: Final = FOLDER / "notices.yaml"
SCORECARDS: Final = tuple(FOLDER / name for name in ("phone.yaml", "chat.yaml", "face-to-face.yaml"))
CHECKS: Final = FOLDER / "checks.yaml"
DETECTORS: Final = FOLDER / "detectors.yaml"
DEMO_SETTINGS: Final = FOLDER / "demo.toml"
