"""The command line, with clocks that jump: python jumpy_worker.py FILE ARGUMENTS... FILE holds by how many seconds."""

import sys
from datetime import timedelta
from pathlib import Path

from tafol import clock
from tafol.cli import main

_jump_file = Path(sys.argv.pop(1))
_now, _monotonic_s = clock.now, clock.monotonic_s


def _jump_s() -> float:
    try:
        return float(_jump_file.read_text() or 0)
    except FileNotFoundError:
        return 0.0


# the wall clock jumps; the other one never goes back, on no machine
clock.now = lambda: _now() + timedelta(seconds=_jump_s())
clock.monotonic_s = _monotonic_s

if __name__ == "__main__":
    main()
