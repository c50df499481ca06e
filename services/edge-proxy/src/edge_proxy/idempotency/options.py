"""What an installation can set."""

from typing import Literal

import msgspec

AwayPolicy = Literal["open", "closed"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. `lease`: how long a First that shows no life keeps its key; it shows some each third of that.

    `away`: with Redis away calls are served without idempotency (`open`), or answered 503 (`closed`).
    `max_waiting`: duplicates that this replica lets wait or follow along at once; more are answered 429.
    """

    ttl: float = 24 * 3600
    lease: float = 30
    max_reply_bytes: int = 1024 * 1024
    max_waiting: int = 1000
    away: AwayPolicy = "open"
    redis_timeout: float = 0.5
