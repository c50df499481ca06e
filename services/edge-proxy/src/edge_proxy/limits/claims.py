"""What a call asks of its limits, and what it is told."""

from typing import Literal

import msgspec

from edge_proxy.errors import EdgeError

LimitKind = Literal["requests", "tokens", "parallel"]


class Limit(msgspec.Struct, frozen=True):
    """One limit. `name` says whose it is and of what (`tenant:tnt_1:requests`): it is also what counts are kept under."""

    name: str
    kind: LimitKind
    limit: int


class Room(msgspec.Struct, frozen=True):
    """How a limit stands after a call was let in or refused. `reset_s`: until all of it is free again, if nothing more comes."""

    limit: Limit
    remaining: int
    reset_s: float


class Granted(msgspec.Struct, frozen=True):
    """The call may go on. `piece` is the window's piece that its counts went to; `tokens` is what was reserved."""

    call_id: str
    limits: tuple[Limit, ...]
    tokens: int
    piece: int
    rooms: tuple[Room, ...]
    local: bool = False


class Refused(msgspec.Struct, frozen=True):
    """It may not, because of `limit`; nothing was counted anywhere. `retry_after_s`: until there would be room for it."""

    limit: Limit
    retry_after_s: float
    rooms: tuple[Room, ...]


class LimitStoreUnavailable(Exception):
    """The counts cannot be reached."""


class RateLimited(EdgeError):
    """A limit of ours, in OpenAI's words, which SDKs wait for."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class LimitsUnavailable(EdgeError):
    status = 503
    type = "service_unavailable"
    code = "limits_unavailable"
