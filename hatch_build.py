"""Builds the compiled half of the sample stage when Tafol is installed: `native*.zig` to `_native.so`, beside them.

The compiler is Zig, from the package ziglang, which is there for the build alone. For a checkout (editable) it compiles
for the processor of this machine, in place; for a wheel, for any processor of its kind. Where it cannot compile, Tafol
is installed without: sampling then works record by record.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("streams/sampling/native.zig")
LIBRARY = SOURCE.with_name("_native.so")


class NativeBuild(BuildHookInterface):
    """Hatch's hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self.target_name != "wheel":
            return
        processor = "native" if version == "editable" else "baseline"
        try:
            build(root / SOURCE, root / LIBRARY, processor)
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else error
            self.app.display_warning(f"{SOURCE} was not compiled, sampling will work record by record: {said}")
            return
        build_data["artifacts"].append(str(LIBRARY))
        build_data["pure_python"] = False
        build_data["infer_tag"] = version != "editable"


def build(source: Path, library: Path, processor: str) -> None:
    """Compile with bounds and overflows checked. Raises OSError, CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="tafol-build-") as folder:
        made = Path(folder) / library.name
        command = [
            sys.executable, "-m", "ziglang", "build-lib", str(source), "-dynamic", "-O", "ReleaseSafe", "-fstrip",
            f"-mcpu={processor}", f"-femit-bin={made}", "--cache-dir", folder, "--global-cache-dir", folder,
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a command of our own
        # renamed, not written over: a worker may have the old one loaded
        fresh = library.with_name(f".{library.name}.new")
        fresh.write_bytes(made.read_bytes())
        fresh.chmod(0o755)
        fresh.replace(library)
