"""What one request, and all requests together, may cost the local ClickHouse. Values are defaults for one machine."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the local ClickHouse; a request beyond one is refused with a text that names it.

    `request_bytes` counts the body after decompression as well as before, so that a small body can't unfold into a
    large one. 256 MiB is also where ClickHouse cuts an insert into blocks (min_insert_block_size_bytes), and a block
    is what is stored whole or not at all.
    """

    request_bytes: int = 256 * MIB
    statement_bytes: int = 16 * MIB
    request_s: float = 300.0
    """Longest a request may take to arrive, and longest its query may run (max_execution_time is cut to it)."""
    whole_result_bytes: int = 512 * MIB
    """max_result_bytes of formats that can only be made in memory as a whole (JSON, Arrow, Parquet and so on)."""
    hold_bytes: int = MIB
    """Answers up to this size are kept until the query ends: they go out in one write, and an error in the middle
    of the query still gets its own HTTP status."""
    spill_bytes: int = 4096 * MIB
    """Largest answer that is kept on disk for a client that asked for nothing before the query's end."""
    send_s: float = 60.0
    """Longest a client may stop reading its answer before its query is cancelled."""
    workers: int = 8
    """Queries that run at once, one thread each."""
    waiting: int = 120
    """Requests beyond `workers` that may wait or be uploading; more are answered with 503."""
    drain_s: float = 10.0
    """Time that running queries get to finish when the server is told to stop; then they are cancelled."""
