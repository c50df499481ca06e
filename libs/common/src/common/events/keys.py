"""Published by admin-api: facts about API keys."""

from datetime import datetime

import msgspec


class KeyExpiring(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `key.expiring.v1`: a key stops working at `expires_at`, in `days` days or less. Once per key, moment and
    notice.

    `days` is one of `NOTICE_DAYS`. Names are as they were then; `hint` is how people recognise the key.
    """

    key_id: str
    name: str
    hint: str
    tenant_id: str
    tenant_name: str
    expires_at: datetime
    days: int


NOTICE_DAYS = (7, 1)
