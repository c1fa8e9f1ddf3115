"""The batch transport: Faust's aiokafka driver, handing an agent one event per fetched chunk of a partition.

Faust moves one event object at a time and tops out near 10,000 events/s. Here the value of an event is a whole
`FetchedChunk`; an agent stays an ordinary `async for event in stream.noack().events()` with one `event.ack()` a chunk.

The invariants, each of them once broken by a looser version (docs/adr/0002-batch-transport.md):
- What was fetched is delivered in order, or dropped and sought again; every drop opens a seek.
- Every way to a new position is one: ask the app's `take_over` where each partition's state stands and seek there,
  never to "where the consumer stands".
- Each seek begins a new epoch; a chunk of an older epoch, wherever it was queued, must not be worked on.
- Only an unbroken run of acknowledged chunks is committed, by identity of the chunk.

Faust finds the transport by the entry point `faust.transports` (pyproject.toml): `broker="tafol://host:port"`.
"""

from streams.transport.driver import Producer, Transport
from streams.transport.fetch import FetchedChunk
from streams.transport.settings import ChunkedApp, ChunkSchema, ChunkSettings, ReadColumns, TakeOver

__all__ = [
    "ChunkSchema",
    "ChunkSettings",
    "ChunkedApp",
    "FetchedChunk",
    "Producer",
    "ReadColumns",
    "TakeOver",
    "Transport",
]
