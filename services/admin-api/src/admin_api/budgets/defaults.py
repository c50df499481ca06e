"""The installation's default budget: what each tenant has that has no budget of its own.

It is a budget row like any other, one per tenant, so the edges and the ledger know nothing of defaults. It goes when the tenant
gets a budget of its own and comes back when that goes; changing it makes it the tenant's own.

A changed default reaches many tenants, in several transactions. `DefaultBudgets` finds what a process that is killed in between has
left out. Failure policy: Postgres away: looked at again later.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from prometheus_client import Counter
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from admin_api.audit.actor import acting, system
from admin_api.budgets import repository
from admin_api.budgets.domain import BUDGET_PREFIX
from admin_api.budgets.models import BudgetRow
from admin_api.configuration import records
from admin_api.ledger.budgets import forget, note_amount
from admin_api.runtime_settings.domain import DefaultBudget
from admin_api.runtime_settings.repository import budget_settings
from admin_api.tenants.models import TenantRow
from common.clock import Clock
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.subjects import BUDGETS_BUCKET
from common.ids import new_id
from common.logging import get_logger

_NAME: Final = "Default budget"
_LOOK_S: Final = 60.0
TENANTS_PER_TRANSACTION: Final = 100

_log = get_logger(__name__)
_followed = Counter(
    "omg_default_budgets_repaired_total", "Tenants whose default budget was found missing or different."
)


async def follow_default(session: AsyncSession, tenant_ids: Collection[str], *, now: datetime) -> list[int]:
    """Give these tenants the default budget, or take it from them, as it should be; the outbox rows that tell the edge."""
    await hold_default(session, *tenant_ids)
    await session.flush()
    default = (await budget_settings(session)).default_budget
    differing = await _differing(session, default, tenant_ids, limit=len(tenant_ids))
    ids = list(await session.scalars(select(BudgetRow.id).where(_follows(differing))))
    await records.hold(session, BUDGETS_BUCKET, *ids)
    found = select(BudgetRow).where(BudgetRow.id.in_(ids), BudgetRow.follows_default)
    rows = {row.subject: row for row in await session.scalars(found.execution_options(populate_existing=True))}
    with_own = set(await session.scalars(select(BudgetRow.subject).where(_own(differing)).distinct()))
    changed: list[str] = []
    for tenant_id in differing:
        row = rows.get(tenant_id)
        if default is None or tenant_id in with_own:
            if row is not None:
                await session.delete(row)
                await forget(session, [row.id])
        elif row is None:
            row = _row(tenant_id, default, now)
            session.add(row)
        else:
            if row.schedule != default.schedule:
                await forget(session, [row.id])
            for field, value in _fields(default).items():
                setattr(row, field, value)
            await session.flush()
            await note_amount(session, (await repository.records(session, [row.id]))[0], now=now)
        if row is not None:
            changed.append(row.id)
    return await records.emit(session, BUDGETS_BUCKET, *changed) if changed else []


async def hold_default(session: AsyncSession, *tenant_ids: str) -> None:
    """Keep others from giving or taking these tenants' default budgets until the transaction ends."""
    await records.hold(session, BUDGETS_BUCKET, *(f"default-of-{tenant_id}" for tenant_id in tenant_ids))


async def due(sessions: Sessions) -> list[str]:
    """Some tenants whose default budget is not as it should be; none: all is well."""
    async with sessions.begin() as session:
        default = (await budget_settings(session)).default_budget
        return await _differing(session, default, None, limit=TENANTS_PER_TRANSACTION)


class DefaultBudgets:
    """`run` in the background. Several replicas may."""

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled. The edge is told through the outbox."""
        while True:
            try:
                with acting(system("default-budgets")):
                    while tenant_ids := await due(self._sessions):
                        async with self._sessions.begin() as session:
                            await follow_default(session, tenant_ids, now=self._clock())
                        _followed.inc(len(tenant_ids))
            except DatabaseUnavailableError as error:
                _log.warning("default budgets are looked at again later", reason=repr(error))
            await asyncio.sleep(_LOOK_S)


async def _differing(
    session: AsyncSession, default: DefaultBudget | None, tenant_ids: Collection[str] | None, *, limit: int
) -> list[str]:
    own, following = aliased(BudgetRow), aliased(BudgetRow)
    has_own = exists().where(own.scope == "tenant", own.subject == TenantRow.id, ~own.follows_default)
    is_following = and_(following.scope == "tenant", following.subject == TenantRow.id, following.follows_default)
    wrong: ColumnElement[bool] = exists().where(is_following)
    if default is not None:
        same = and_(*(getattr(following, field) == value for field, value in _fields(default).items()))
        wrong = or_(and_(has_own, wrong), and_(~has_own, ~exists().where(is_following, same)))
    statement = select(TenantRow.id).where(TenantRow.status != "deleted", wrong).order_by(TenantRow.id).limit(limit)
    if tenant_ids is not None:
        statement = statement.where(TenantRow.id.in_(tenant_ids))
    return list(await session.scalars(statement))


def _own(tenant_ids: Collection[str]) -> ColumnElement[bool]:
    return and_(BudgetRow.scope == "tenant", BudgetRow.subject.in_(tenant_ids), ~BudgetRow.follows_default)


def _follows(tenant_ids: Collection[str]) -> ColumnElement[bool]:
    return and_(BudgetRow.scope == "tenant", BudgetRow.subject.in_(tenant_ids), BudgetRow.follows_default)


def _row(tenant_id: str, default: DefaultBudget, now: datetime) -> BudgetRow:
    return BudgetRow(
        id=new_id(BUDGET_PREFIX),
        name=_NAME,
        scope="tenant",
        subject=tenant_id,
        timezone=None,
        starts_at=now,
        follows_default=True,
        created_at=now,
        **_fields(default),
    )


def _fields(default: DefaultBudget) -> dict[str, Any]:
    return {
        "amount_nano_usd": default.amount_nano_usd,
        "hard": default.hard,
        "schedule": default.schedule,
        "warn_at": default.warn_at,
        "alert_at": list(default.alert_at),
    }
