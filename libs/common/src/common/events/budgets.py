"""Published by the ledger: facts about budgets. Money is text, as everywhere in events."""

from datetime import datetime

import msgspec

from common.events.control import BudgetScope, NanoUsd


class ThresholdCrossed(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `budget.threshold_crossed.v1`: `level` percent of the amount are spent. Once per budget, period and level.

    `period_end` is null for a budget that is never renewed. `spent` is what the ledger had when it noticed. `tenant_id` is whom it
    concerns, null where that is not one tenant; names are as they were then.
    """

    budget_id: str
    name: str
    scope: BudgetScope
    subject: str
    hard: bool
    period_start: datetime
    period_end: datetime | None
    level: int
    amount: NanoUsd
    spent: NanoUsd
    tenant_id: str | None = None
    tenant_name: str | None = None
    subject_name: str | None = None
