"""What an app says to the transport: how large a chunk may be, and where each partition's state stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import faust
from faust.types import AppT, Message

from streams.record_columns import RecordColumns
from streams.stage import Partition

TakeOver = Callable[[Iterable[Partition], int, int], Awaitable[Mapping[Partition, int]]]
"""(assigned partitions, generation of the group, epoch) -> next offset to read of each partition.

Called inside every seek. May raise: the worker then stops before it reads anything.
"""


ReadColumns = Callable[[bytes], RecordColumns | None]
"""The records in the bytes of a fetch, which are whole record batches, their checksums looked at and nothing in them
compressed, and perhaps one more that is cut off; None where it does not know how to read them.
"""


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """`max_records`: most records of one chunk; `take_over`: see `TakeOver`; `read_columns`: for topics whose records
    are wanted as columns."""

    take_over: TakeOver
    max_records: int = 10_000
    read_columns: Mapping[str, ReadColumns] = field(default_factory=dict)


class ChunkedApp(faust.App):
    """A Faust app all of whose topics come in chunks."""

    def __init__(self, *args: Any, chunks: ChunkSettings, **options: Any) -> None:
        self.chunks = chunks
        super().__init__(*args, **options)


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands the chunk through: decoding is the stage's work."""

    def loads_key(
        self, app: AppT, message: Message, *, loads: Callable[..., Any] | None = None, serializer: Any = None
    ) -> Any:
        return message.key

    def loads_value(
        self, app: AppT, message: Message, *, loads: Callable[..., Any] | None = None, serializer: Any = None
    ) -> Any:
        return message.value
