"""Rejected records: kept as raw bytes on a rejected topic, with origin and reason in the headers, and counted.

The value and the key are exactly what came; what Tafol adds stands in the headers, so that a replay sends the same
bytes again. `transactions.rejected` holds what sources sent, `reviews.rejected` what review desks sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from schemas.base import Instant, Origin, Record
from schemas.errors import InvalidRecord
from schemas.headers import Headers

RejectReason = Literal[
    "undecodable",
    "too_large",
    "invalid",
    "wrong_channel",
    "from_the_future",
    "too_old",
    "conflicting_repeat",
    "wrong_key",
    "invalid_review",
]
"""`invalid_review`: a whole Review that does not fit its own scorecard."""

CONTENT_TYPE: Final = b"application/octet-stream"
"""For `schemas.headers.cloud_event`: what came may be anything."""
ORIGIN_HEADER: Final = "tafol_rejected_origin"
REASON_HEADER: Final = "tafol_rejected_reason"
MESSAGE_HEADER: Final = "tafol_rejected_message"
APPENDED_HEADER: Final = "tafol_rejected_appended_at"


class Rejected(Record):
    """One record that could not be used, without its payload."""

    origin: Origin
    reason: RejectReason
    message: Annotated[str, StringConstraints(max_length=500)]
    bytes: Annotated[int, Field(ge=0)]
    appended_at: Instant


def rejected_headers(rejected: Rejected) -> Headers:
    """What Tafol says of a rejected record; stands beside the CloudEvents headers of the record that carries it."""
    origin = rejected.origin
    return [
        (ORIGIN_HEADER, f"{origin.topic}/{origin.partition}/{origin.offset}".encode()),
        (REASON_HEADER, rejected.reason.encode()),
        (MESSAGE_HEADER, rejected.message.encode()),
        (APPENDED_HEADER, rejected.appended_at.isoformat().encode()),
    ]


def read_rejected(headers: Iterable[tuple[str, bytes]], size: int) -> Rejected:
    """The record that `rejected_headers` wrote; `size`: length of the value that came with them, in bytes.

    Raises InvalidRecord with reason `invalid` when the headers were not written by Tafol.
    """
    found = dict(headers)
    try:
        topic, partition, offset = found[ORIGIN_HEADER].decode().split("/")
        return Rejected.model_validate(
            {
                "origin": Origin(topic=topic, partition=int(partition), offset=int(offset)),
                "reason": found[REASON_HEADER].decode(),
                "message": found[MESSAGE_HEADER].decode(),
                "bytes": size,
                "appended_at": datetime.fromisoformat(found[APPENDED_HEADER].decode()),
            }
        )
    except KeyError as error:
        raise InvalidRecord("invalid", f"a rejected record without header {error.args[0]}") from None
    except ValidationError as error:
        fields = ", ".join(sorted({str(wrong["loc"][0]) for wrong in error.errors()}))
        raise InvalidRecord("invalid", f"headers of a rejected record do not fit: {fields}") from None
    except ValueError:
        raise InvalidRecord("invalid", "headers of a rejected record cannot be read") from None
