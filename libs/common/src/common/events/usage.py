"""Published by edge-proxy: one immutable fact per call that reached a provider.

Ids and numbers only: no prompt, no answer, no secret. Money and prices are strings of integers (nano-USD), because JSON
numbers lose digits in many readers.
"""

from typing import Annotated, Literal

import msgspec

from common.events.envelope import Envelope

CallStatus = Literal["succeeded", "failed", "aborted", "interrupted"]
"""`failed`: the provider or the way to it; `aborted`: the client went away; `interrupted`: the edge itself was killed."""

# The ledger's columns are BIGINT; a count beyond this is a broken message, not usage.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Integer = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,18}\Z")]
Price = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,19}\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
CallId = Annotated[str, msgspec.Meta(pattern=r"\Areq_[0-9a-f]{32}\Z")]

Labels = Annotated[
    dict[
        Annotated[str, msgspec.Meta(min_length=1, max_length=64)],
        Annotated[str, msgspec.Meta(max_length=512)],
    ],
    msgspec.Meta(max_length=16),
]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """As OpenAI counts: what else is input (`common.prices.INPUT_KINDS`) is part of `input`, and so for `output`."""

    input: Count = 0
    cached_input: Count = 0
    cache_write: Count = 0
    cache_write_1h: Count = 0
    audio_input: Count = 0
    image_input: Count = 0
    output: Count = 0
    reasoning: Count = 0
    audio_output: Count = 0
    image_output: Count = 0


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """`quantity` units at `price` nano-USD per million; lines are disjoint, and their exact sum, rounded once, is the cost."""

    kind: Name
    quantity: Count
    price: Price


class UsageRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `usage.recorded.v1`. The envelope's id is the call's id (`req_…`), its time the start of the call.

    `latency_ms` counts to the last byte, `first_token_ms` to the first byte of the answer's body; `attempts` counts the tries, of
    which the last one's route is named; `estimated` is true when the provider reported no usage and the tokens are our reckoning.

    `tags` are the key's; `end_user` and `metadata` are what the request said of itself, as it is or hashed, by the edge's setting.
    """

    tenant_id: Name
    key_id: Name
    alias: Name
    route_id: Name
    provider: Name
    model: Name
    operation: Name
    stream: bool
    status: CallStatus
    http_status: Annotated[int, msgspec.Meta(ge=100, le=599)]
    error_code: Name | None
    tokens: Tokens
    estimated: bool
    lines: Annotated[list[PricedLine], msgspec.Meta(max_length=32)]
    cost_nano_usd: Integer
    price_version: Name
    latency_ms: Count
    first_token_ms: Count | None
    attempts: Count = 1
    end_user: Name | None = None
    metadata: Labels = {}
    tags: Labels = {}


class UsageEnvelope(Envelope[UsageRecorded], frozen=True, kw_only=True):
    """A usage event as the ledger reads it: the call id's shape is checked, for it is the ledger's key."""

    id: CallId
    type: Literal["usage.recorded.v1"]
