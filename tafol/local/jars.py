"""The Kafka jars: a complete, pinned list with SHA-256 sums, brought once into the user's cache folder.

The list, `jars.lock`, has one line a jar: coordinate, bytes, SHA-256. It is complete on purpose: no dependency is
resolved on a user's machine, so what runs is what was tested. (From the single coordinate of the broker a resolver
may pick an older kafka-clients, and the broker dies with NoSuchMethodError.)

How the list was made, and is made again for another version of Kafka: a pom.xml with the two dependencies
`org.apache.kafka:kafka_2.13:4.2.0` and `org.apache.logging.log4j:log4j-slf4j-impl:2.25.3` (without the second, which
joins slf4j 1.7 to log4j 2, Kafka's own log is silent), then

    mvn dependency:list -DincludeScope=runtime -DoutputFile=list.txt
    python -m tafol.local.jars lock list.txt      # downloads each jar afresh and writes the sums
    python -m tafol.local.jars lock               # the same for the coordinates already in the lock

Maven is needed for that alone; the product brings jars with jgo, which is pure Python.

Invariants: a jar has its final name only after its hash was verified; one process at a time works on a folder; the
stamp is written last, so a folder with a current stamp is whole and a start needs neither network nor hashing.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tafol.errors import ConfigError, Corrupt, TafolError, Unreachable

KAFKA_VERSION = "4.2.0"
LOCK_FILE = Path(__file__).with_name("jars.lock")
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
STAMP_NAME = "verified"
FETCH_ATTEMPTS = 3
PARALLEL_FETCHES = 4
NETWORK_TIMEOUT_S = 30

_LIST_LINE = re.compile(r"\s*(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):jar:(?P<version>[\w.-]+):(?:compile|runtime)\b")


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock: a Maven coordinate and what its file must be."""

    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Progress: one more jar is in place."""

    jar: Jar
    done_bytes: int
    total_bytes: int


Fetch = Callable[[str, str, str, Path], Path]
"""(group, artifact, version, empty folder) -> the downloaded file, somewhere in that folder.

Raises `Unreachable` when it cannot be had.
"""


def default_cache_dir() -> Path:
    """The user's cache folder for this version of Kafka: $XDG_CACHE_HOME or ~/.cache, /tafol/kafka-VERSION."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says a relative path is to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "tafol" / f"kafka-{KAFKA_VERSION}"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The pinned jars, in the order of the class path. Raises `ConfigError` naming the line that is wrong."""
    jars = []
    for number, line in enumerate(path.read_text("ascii").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            coordinate, size, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, int(size), sha256))
        except ValueError:
            raise ConfigError(f"{path}, line {number}: not 'group:artifact:version bytes sha256': {line!r}") from None
    return tuple(jars)


def ensure_jars(
    cache_dir: Path,
    on_fetched: Callable[[Fetched], None] = lambda _: None,
    *,
    lock: Path = LOCK_FILE,
    fetch: Fetch | None = None,
) -> tuple[Path, ...]:
    """The jars of `lock` in `cache_dir`, in class-path order; brings those that are missing.

    Safe with several processes at once (the second waits for the first) and when killed at any point (the next call
    goes on with the jars that were finished). `on_fetched` is called in the calling thread after each jar that had to
    be brought, and not at all when everything is there.

    Raises `Unreachable` when the network is away, `Corrupt` when a downloaded file is not the pinned one.
    """
    jars = read_lock(lock)
    paths = tuple(cache_dir / jar.file_name for jar in jars)
    stamp = _stamp_of(lock)
    try:
        if _is_whole(cache_dir, jars, stamp):
            return paths
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _exclusive(cache_dir / "fetch.lock"):
            if not _is_whole(cache_dir, jars, stamp):
                _bring(cache_dir, jars, on_fetched, fetch or from_maven(MAVEN_CENTRAL))
                _write_whole(cache_dir / STAMP_NAME, stamp)
    except OSError as error:
        raise ConfigError(
            f"The cache folder {cache_dir} cannot be used: {error.strerror or error}.",
            hint="Set XDG_CACHE_HOME to a folder you may write, with 50 MB free.",
        ) from error
    return paths


def from_maven(repository: str) -> Fetch:
    """Fetch by jgo from a Maven repository given by URL: the one file that is named, nothing it depends on."""
    # Imported here: half a second that a start with all jars in place need not pay.
    import requests  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    def fetch(group: str, artifact: str, version: str, folder: Path) -> Path:
        context = MavenContext(
            repo_cache=folder, local_repos=[], remote_repos={"central": repository}, timeout=NETWORK_TIMEOUT_S
        )
        try:
            return Path(context.project(group, artifact).at_version(version).artifact().resolve())
        except (requests.RequestException, RuntimeError) as error:  # RuntimeError: jgo's own "not found"
            raise Unreachable(
                f"{group}:{artifact}:{version} could not be had from {repository}: {error}.",
                hint="Check the network (a proxy is taken from HTTPS_PROXY) and try again: finished jars are kept. "
                "Without network, point the setting for the Kafka folder at an unpacked Kafka.",
            ) from error

    return fetch


def write_lock(coordinates: list[tuple[str, str, str]], fetch: Fetch, path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Download each (group, artifact, version) afresh and write the lock with the sizes and hashes found."""
    jars = []
    with tempfile.TemporaryDirectory(prefix="tafol-lock-") as scratch:
        for number, coordinate in enumerate(sorted(set(coordinates))):
            file = fetch(*coordinate, Path(scratch) / str(number))
            jars.append(Jar(*coordinate, file.stat().st_size, _sha256(file)))
    lines = [f"# The jars of Kafka {KAFKA_VERSION}: coordinate, bytes, SHA-256. Made by tafol.local.jars; see there."]
    lines += [f"{jar.coordinate} {jar.size_bytes} {jar.sha256}" for jar in jars]
    _write_whole(path, "\n".join(lines) + "\n")
    return tuple(jars)


def _bring(cache_dir: Path, jars: tuple[Jar, ...], on_fetched: Callable[[Fetched], None], fetch: Fetch) -> None:
    for left_over in cache_dir.glob("incoming-*"):  # of a process that was killed: we hold the lock, so nobody's
        shutil.rmtree(left_over)
    total_bytes = sum(jar.size_bytes for jar in jars)
    missing = [jar for jar in jars if not _is_pinned(cache_dir / jar.file_name, jar)]
    done_bytes = total_bytes - sum(jar.size_bytes for jar in missing)
    with (
        tempfile.TemporaryDirectory(prefix="incoming-", dir=cache_dir) as incoming,
        ThreadPoolExecutor(PARALLEL_FETCHES, "fetch-jar") as pool,
    ):
        fetches: dict[Future[None], Jar] = {
            pool.submit(_bring_one, jar, cache_dir, Path(incoming), fetch): jar for jar in missing
        }
        try:
            for fetched in as_completed(fetches):
                fetched.result()
                done_bytes += fetches[fetched].size_bytes
                on_fetched(Fetched(fetches[fetched], done_bytes, total_bytes))
        except BaseException:  # also Ctrl-C: do not go on downloading what nobody waits for
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _bring_one(jar: Jar, cache_dir: Path, incoming: Path, fetch: Fetch) -> None:
    for attempt in range(1, FETCH_ATTEMPTS + 1):
        # A folder for each attempt: jgo takes a file that an interrupted attempt left in its cache for a whole one.
        folder = incoming / f"{jar.file_name}.{attempt}"
        try:
            file = fetch(jar.group, jar.artifact, jar.version, folder)
        except Unreachable:
            if attempt == FETCH_ATTEMPTS:
                raise
            continue
        if not _is_pinned(file, jar):
            raise Corrupt(
                f"{jar.file_name} ({jar.coordinate}) is not the pinned file: "
                f"expected {jar.size_bytes} bytes with SHA-256 {jar.sha256}, "
                f"got {file.stat().st_size} bytes with {_sha256(file)}. It was not kept.",
                hint="Usually a proxy or a sign-in page answered in place of the repository: try from another network. "
                "Do not go round this check.",
            )
        file.replace(cache_dir / jar.file_name)
        return


def _is_whole(cache_dir: Path, jars: tuple[Jar, ...], stamp: str) -> bool:
    try:
        return (cache_dir / STAMP_NAME).read_text("ascii") == stamp and all(
            (cache_dir / jar.file_name).stat().st_size == jar.size_bytes for jar in jars
        )
    except FileNotFoundError:
        return False


def _is_pinned(file: Path, jar: Jar) -> bool:
    return file.is_file() and file.stat().st_size == jar.size_bytes and _sha256(file) == jar.sha256


def _stamp_of(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "ascii")
    partial.replace(path)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold `path` alone; waits. The kernel lets go when the holder dies, however it dies."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _coordinates(maven_list: Path) -> list[tuple[str, str, str]]:
    found = [_LIST_LINE.match(line) for line in maven_list.read_text("utf-8").splitlines()]
    return [(match["group"], match["artifact"], match["version"]) for match in found if match]


def main(argv: list[str] | None = None) -> int:
    """`python -m tafol.local.jars lock [LIST]` and `... fetch`: make the lock again, or bring the jars now."""
    parser = argparse.ArgumentParser(prog="python -m tafol.local.jars", description="The pinned jars of Kafka.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="bring the jars into the cache folder now")
    lock = commands.add_parser("lock", help="download every jar afresh and write the sizes and hashes")
    lock.add_argument("list", nargs="?", type=Path, help="the output file of mvn dependency:list")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "fetch":
            paths = ensure_jars(default_cache_dir(), lambda step: print(step.jar.file_name, flush=True))
            print(f"{len(paths)} jars in {default_cache_dir()}")
        else:
            wanted = (
                _coordinates(arguments.list)
                if arguments.list
                else [(jar.group, jar.artifact, jar.version) for jar in read_lock()]
            )
            jars = write_lock(wanted, from_maven(MAVEN_CENTRAL))
            print(f"{len(jars)} jars, {sum(jar.size_bytes for jar in jars)} bytes, in {LOCK_FILE}")
    except TafolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
