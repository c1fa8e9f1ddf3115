"""`python -m desk.translations`: bring the Welsh catalogue up to date with the sources."""

from __future__ import annotations

import sys

from desk.translations import WELSH_CATALOGUE, update

if __name__ == "__main__":
    total, wanting = update()
    sys.stdout.write(f"{WELSH_CATALOGUE}: {total} strings, {wanting} not translated\n")
