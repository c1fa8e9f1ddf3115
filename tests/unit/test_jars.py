"""The pinned jars: the list, and bringing them through mismatches, interruptions, flaky networks and company."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tafol.errors import ConfigError, Corrupt, Unreachable
from tafol.local import jars
from tafol.local.jars import Fetched, ensure_jars, read_lock, write_lock

pytestmark = pytest.mark.unit

NAMES = ("alpha", "beta", "gamma")


def content_of(artifact: str) -> bytes:
    return artifact.encode() * 1000


class FakeRepository:
    """Serves `content_of`; counts requests; `before` may raise in place of an answer."""

    def __init__(self, before: Callable[[str, int], None] = lambda _artifact, _request: None) -> None:
        self.requests: Counter[str] = Counter()
        self._before = before
        self._lock = threading.Lock()

    def __call__(self, group: str, artifact: str, version: str, folder: Path) -> Path:
        with self._lock:
            self.requests[artifact] += 1
            request = self.requests[artifact]
        folder.mkdir(parents=True)
        file = folder / "download"
        file.write_bytes(content_of(artifact)[:100])  # what an interruption leaves behind
        self._before(artifact, request)
        file.write_bytes(content_of(artifact))
        return file


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "test.lock"
    lines = [f"g:{n}:1 {len(content_of(n))} {hashlib.sha256(content_of(n)).hexdigest()}" for n in NAMES]
    path.write_text("# comment\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def brought(cache: Path) -> set[str]:
    return {path.name for path in cache.glob("*.jar")}


def test_the_shipped_list_is_the_broker_with_one_version_of_kafka_and_a_log() -> None:
    pinned = read_lock()
    versions = {jar.artifact: jar.version for jar in pinned}
    kafka = {jar.artifact: jar.version for jar in pinned if jar.group == "org.apache.kafka"}
    assert set(kafka.values()) == {jars.KAFKA_VERSION}
    assert {"kafka_2.13", "kafka-clients", "kafka-server", "kafka-metadata", "kafka-raft"} <= set(kafka)
    assert versions["log4j-slf4j-impl"] == versions["log4j-core"] == versions["log4j-api"]
    assert len({jar.file_name for jar in pinned}) == len(pinned)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size_bytes > 0 for jar in pinned)


@pytest.mark.parametrize("line", ["g:a:1 12", "g:a 12 ab", "g:a:1 many ab"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.lock"
    path.write_text(f"# comment\n{line}\n")
    with pytest.raises(ConfigError, match="line 2"):
        read_lock(path)


def test_brings_all_then_nothing(cache: Path, lock: Path) -> None:
    repository = FakeRepository()
    steps: list[Fetched] = []
    paths = ensure_jars(cache, steps.append, lock=lock, fetch=repository)
    assert [path.read_bytes() for path in paths] == [content_of(name) for name in NAMES]
    assert [step.done_bytes for step in steps] == sorted(step.done_bytes for step in steps)
    assert steps[-1].done_bytes == steps[-1].total_bytes == sum(len(content_of(name)) for name in NAMES)
    assert ensure_jars(cache, steps.append, lock=lock, fetch=repository) == paths
    assert repository.requests == Counter(NAMES)
    assert len(steps) == len(NAMES)


def test_another_file_than_the_pinned_one_is_refused_by_name_and_not_kept(cache: Path, lock: Path) -> None:
    def swapped(group: str, artifact: str, version: str, folder: Path) -> Path:
        return FakeRepository()(group, "gamma" if artifact == "beta" else artifact, version, folder)

    with pytest.raises(Corrupt, match=r"beta-1\.jar .*SHA-256"):
        ensure_jars(cache, lock=lock, fetch=swapped)
    assert "beta-1.jar" not in brought(cache)
    assert not list(cache.glob("incoming-*"))
    assert len(ensure_jars(cache, lock=lock, fetch=FakeRepository())) == len(NAMES)


def test_an_interrupted_download_goes_on_where_it_was(cache: Path, lock: Path) -> None:
    def interrupt(artifact: str, _request: int) -> None:
        if artifact == "gamma":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_jars(cache, lock=lock, fetch=FakeRepository(interrupt))
    kept = brought(cache)
    assert "gamma-1.jar" not in kept
    again = FakeRepository()
    ensure_jars(cache, lock=lock, fetch=again)
    assert {f"{name}-1.jar" for name in again.requests} == {f"{name}-1.jar" for name in NAMES} - kept


def test_what_a_killed_process_left_is_swept_and_never_believed(cache: Path, lock: Path) -> None:
    (cache / "incoming-killed").mkdir(parents=True)
    (cache / "incoming-killed" / "half").write_bytes(b"half")
    (cache / "alpha-1.jar").write_bytes(b"x" * len(content_of("alpha")))  # right size, wrong bytes
    repository = FakeRepository()
    paths = ensure_jars(cache, lock=lock, fetch=repository)
    assert paths[0].read_bytes() == content_of("alpha")
    assert not list(cache.glob("incoming-*"))


def test_a_jar_that_vanished_is_brought_again_alone(cache: Path, lock: Path) -> None:
    ensure_jars(cache, lock=lock, fetch=FakeRepository())[1].unlink()
    repository = FakeRepository()
    ensure_jars(cache, lock=lock, fetch=repository)
    assert repository.requests == Counter(["beta"])


def test_a_new_list_is_not_taken_for_verified(cache: Path, lock: Path) -> None:
    ensure_jars(cache, lock=lock, fetch=FakeRepository())
    lock.write_text(lock.read_text().replace("g:beta:1", "g:beta:2"))
    repository = FakeRepository()
    assert ensure_jars(cache, lock=lock, fetch=repository)[1].name == "beta-2.jar"
    assert repository.requests == Counter(["beta"])


@pytest.mark.parametrize(("failures", "comes_through"), [(2, True), (3, False)])
def test_a_flaky_network_is_tried_three_times(cache: Path, lock: Path, failures: int, comes_through: bool) -> None:
    def flaky(artifact: str, request: int) -> None:
        if artifact == "beta" and request <= failures:
            raise Unreachable("reset by peer")

    repository = FakeRepository(flaky)
    if comes_through:
        ensure_jars(cache, lock=lock, fetch=repository)
    else:
        with pytest.raises(Unreachable):
            ensure_jars(cache, lock=lock, fetch=repository)
    assert repository.requests["beta"] == 3


def test_two_at_once_share_the_work_of_one(cache: Path, lock: Path) -> None:
    both_called = threading.Barrier(2)
    repository = FakeRepository()
    results: list[tuple[Path, ...]] = []

    def bring() -> None:
        both_called.wait()
        results.append(ensure_jars(cache, lock=lock, fetch=repository))

    threads = [threading.Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[1]
    assert repository.requests == Counter(NAMES)


def test_a_cache_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        ensure_jars(tmp_path / "file" / "cache", lock=lock, fetch=FakeRepository())


def test_the_cache_folder_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert jars.default_cache_dir() == Path("/somewhere/tafol/kafka-4.2.0")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert jars.default_cache_dir() == Path.home() / ".cache/tafol/kafka-4.2.0"


def test_a_written_lock_brings_what_it_was_made_from(tmp_path: Path, cache: Path) -> None:
    lock = tmp_path / "new.lock"
    write_lock([("g", name, "1") for name in reversed(NAMES)], FakeRepository(), lock)
    paths = ensure_jars(cache, lock=lock, fetch=FakeRepository())
    assert [path.read_bytes() for path in paths] == [content_of(name) for name in NAMES]


def test_reads_the_list_as_maven_prints_it(tmp_path: Path) -> None:
    printed = tmp_path / "list.txt"
    printed.write_text(
        "\nThe following files have been resolved:\n"
        "   org.apache.kafka:kafka_2.13:jar:4.2.0:compile -- module kafka (auto)\n"
        "   com.github.luben:zstd-jni:jar:1.5.6-10:runtime\n"
        "   org.example:only-for-tests:jar:1:test\n"
    )
    assert jars._coordinates(printed) == [
        ("org.apache.kafka", "kafka_2.13", "4.2.0"),
        ("com.github.luben", "zstd-jni", "1.5.6-10"),
    ]
