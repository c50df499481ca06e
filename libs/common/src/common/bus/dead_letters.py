"""Dead letters: what no retry will make readable or acceptable is kept aside, whole, with the reason.

Header names are part of the contract with whoever reads the dead-letter stream (a person, or a replay).
"""

import re
from dataclasses import dataclass
from typing import Final

from nats.aio.msg import Msg
from nats.js.api import Header

from common.bus.connection import Bus
from common.events import subjects

REASON_HEADER: Final = "Omg-Reason"
SUBJECT_HEADER: Final = "Omg-Subject"
STREAM_HEADER: Final = "Omg-Stream"
SEQUENCE_HEADER: Final = "Omg-Stream-Sequence"
CONSUMER_HEADER: Final = "Omg-Consumer"
PART_HEADER: Final = "Omg-Part"
CUT_FROM_HEADER: Final = "Omg-Cut-From-Bytes"

_MAX_REASON: Final = 300
# The server counts headers as payload, and closes the connection of a client that sends more than it allows.
_HEADER_ROOM: Final = 4096
_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """`body` is the part of `original` that is given up: all of it (`part` is `None`), or one element of its array."""

    original: Msg
    part: int | None
    body: bytes
    reason: str


async def publish_dead_letter(bus: Bus, letter: DeadLetter) -> None:
    """Store `letter`; returns when the stream has it. A repetition within the stream's duplicate window is stored once.

    A body that does not fit into a message together with its headers is cut, and the headers say so. Raises the NATS
    client's errors: the caller must not acknowledge the original then.
    """
    metadata = letter.original.metadata
    part = "" if letter.part is None else str(letter.part)
    headers = {
        Header.MSG_ID: f"{metadata.stream}.{metadata.sequence.stream}.{metadata.timestamp.timestamp()}.{part}",
        REASON_HEADER: _NOT_PRINTABLE.sub("?", letter.reason)[:_MAX_REASON],
        SUBJECT_HEADER: letter.original.subject,
        STREAM_HEADER: metadata.stream,
        SEQUENCE_HEADER: str(metadata.sequence.stream),
        CONSUMER_HEADER: metadata.consumer,
        PART_HEADER: part or "all",
    }
    body = letter.body
    room = bus.client.max_payload - _HEADER_ROOM
    if len(body) > room:
        headers[CUT_FROM_HEADER] = str(len(body))
        body = body[:room]
    await bus.jetstream().publish(
        subjects.dead_letter_subject(letter.original.subject),
        body,
        stream=subjects.DEAD_LETTER_STREAM,
        headers=headers,
    )
