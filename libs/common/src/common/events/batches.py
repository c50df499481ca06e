"""Facts about batches: what became of one, told once when it has ended."""

from datetime import datetime
from typing import Literal

import msgspec


class BatchEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `batch.ended.v1`. The counts are of the batch's requests."""

    batch_id: str
    tenant_id: str
    tenant_name: str | None
    key_id: str
    status: Literal["completed", "failed", "expired", "cancelled"]
    total: int
    completed: int
    failed: int
    ended_at: datetime
