"""What a replica of edge-proxy answers when it is asked how it is, over core NATS: the answer is worth nothing a minute later."""

from datetime import datetime
from typing import Literal

import msgspec

BreakerState = Literal["closed", "half_open", "open"]


class EdgeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`usage_pending`: events that JetStream has not acknowledged; `journal_bytes`: of calls on local disk that are not settled and
    published yet. `routes`: the state of each route's breaker that this replica has used.
    """

    replica: str
    version: str
    started_at: datetime
    configured: bool
    usage_pending: int
    journal_bytes: int
    routes: dict[str, BreakerState]
