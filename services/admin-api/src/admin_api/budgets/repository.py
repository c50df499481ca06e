"""Every query on budgets."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets.domain import Subject
from admin_api.budgets.models import BudgetRow
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from common.events.control import BudgetRecord, BudgetScope

_MOST_OF_TENANT: Final = 1000


async def find(session: AsyncSession, budget_id: str) -> BudgetRow | None:
    return await session.get(BudgetRow, budget_id)


async def tenant_with(session: AsyncSession, budget_id: str) -> str | None:
    """The tenant that a budget is for, if it is for one as a whole. What a budget is for never changes."""
    statement = select(BudgetRow.subject).where(BudgetRow.id == budget_id, BudgetRow.scope == "tenant")
    return await session.scalar(statement)


async def find_named(session: AsyncSession, scope: BudgetScope, subject: str, name: str) -> BudgetRow | None:
    """The oldest of the budgets for something that bear a name."""
    statement = (
        select(BudgetRow)
        .where(BudgetRow.scope == scope, BudgetRow.subject == subject, BudgetRow.name == name)
        .order_by(BudgetRow.id)
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def newest(
    session: AsyncSession, *, scope: BudgetScope | None, subject: str | None, limit: int, before: str | None
) -> Sequence[BudgetRow]:
    """At most `limit` budgets, newest first, older than the one with the id `before`."""
    statement = select(BudgetRow).order_by(BudgetRow.id.desc()).limit(limit)
    if scope is not None:
        statement = statement.where(BudgetRow.scope == scope)
    if subject is not None:
        statement = statement.where(BudgetRow.subject == subject)
    if before is not None:
        statement = statement.where(BudgetRow.id < before)
    return (await session.execute(statement)).scalars().all()


async def subject_exists(session: AsyncSession, scope: BudgetScope, subject: str) -> bool:
    tables = {"tenant": TenantRow.id, "key": ApiKeyRow.id, "user": UserRow.id}
    if scope == "installation":
        return subject == ""
    return await session.scalar(select(tables[scope]).where(tables[scope] == subject)) is not None


async def subjects(session: AsyncSession, budget_ids: Collection[str]) -> dict[str, Subject]:
    """What these budgets are for, by their ids. A user's budget concerns no single tenant."""
    statement = (
        select(BudgetRow.id, TenantRow.id, TenantRow.name, func.coalesce(ApiKeyRow.name, UserRow.name, TenantRow.name))
        .outerjoin(ApiKeyRow, and_(BudgetRow.scope == "key", ApiKeyRow.id == BudgetRow.subject))
        .outerjoin(UserRow, and_(BudgetRow.scope == "user", UserRow.id == BudgetRow.subject))
        .outerjoin(TenantRow, TenantRow.id == func.coalesce(ApiKeyRow.tenant_id, BudgetRow.subject))
        .where(BudgetRow.id.in_(budget_ids))
    )
    return {row[0]: Subject(*row[1:]) for row in await session.execute(statement)}


async def ids_of_tenant(session: AsyncSession, tenant_id: str) -> list[str]:
    """Of the budgets that go by a tenant's time zone."""
    keys = select(ApiKeyRow.id).where(ApiKeyRow.tenant_id == tenant_id)
    statement = select(BudgetRow.id).where(
        BudgetRow.timezone.is_(None), or_(BudgetRow.subject == tenant_id, BudgetRow.subject.in_(keys))
    )
    return list((await session.execute(statement)).scalars())


async def of_tenant(session: AsyncSession, tenant_id: str, *, revoked: bool = False) -> Sequence[BudgetRow]:
    """The tenant's own, and those of its keys, with or without `revoked` ones; the tenant's first."""
    keys = select(ApiKeyRow.id).where(ApiKeyRow.tenant_id == tenant_id)
    if not revoked:
        keys = keys.where(ApiKeyRow.revoked_at.is_(None))
    of_tenant = and_(BudgetRow.scope == "tenant", BudgetRow.subject == tenant_id)
    of_keys = and_(BudgetRow.scope == "key", BudgetRow.subject.in_(keys))
    statement = select(BudgetRow).where(or_(of_tenant, of_keys)).order_by(BudgetRow.scope.desc(), BudgetRow.id)
    return (await session.execute(statement.limit(_MOST_OF_TENANT))).scalars().all()


async def above_keys_of(session: AsyncSession, tenant_id: str, schedule: str) -> Sequence[BudgetRow]:
    """The hard budgets of one schedule that a tenant's keys count against together with others."""
    of_tenant = and_(BudgetRow.scope == "tenant", BudgetRow.subject == tenant_id)
    statement = select(BudgetRow).where(
        BudgetRow.hard, BudgetRow.schedule == schedule, or_(BudgetRow.scope == "installation", of_tenant)
    )
    return (await session.execute(statement.order_by(BudgetRow.amount_nano_usd))).scalars().all()


async def ids_of_users(session: AsyncSession, user_ids: Collection[str]) -> list[str]:
    statement = select(BudgetRow.id).where(BudgetRow.scope == "user", BudgetRow.subject.in_(user_ids))
    return list((await session.execute(statement)).scalars())


async def applying(
    session: AsyncSession, *, tenant_ids: Collection[str], key_ids: Collection[str], user_ids: Collection[str]
) -> list[BudgetRecord]:
    """The budgets that calls of these count against."""
    statement = select(BudgetRow.id).where(
        or_(
            BudgetRow.scope == "installation",
            and_(BudgetRow.scope == "tenant", BudgetRow.subject.in_(tenant_ids)),
            and_(BudgetRow.scope == "key", BudgetRow.subject.in_(key_ids)),
            and_(BudgetRow.scope == "user", BudgetRow.subject.in_(user_ids)),
        )
    )
    ids = list((await session.execute(statement)).scalars())
    return await records(session, ids) if ids else []


async def records(session: AsyncSession, ids: Collection[str] | None = None) -> list[BudgetRecord]:
    """What the edge and the ledger are told: of these budgets, or of all."""
    timezone = func.coalesce(BudgetRow.timezone, TenantRow.timezone, "UTC")
    statement = (
        select(*BudgetRow.__table__.columns, timezone.label("effective_timezone"))
        .outerjoin(ApiKeyRow, ApiKeyRow.id == BudgetRow.subject)
        .outerjoin(TenantRow, TenantRow.id == func.coalesce(ApiKeyRow.tenant_id, BudgetRow.subject))
    )
    if ids is not None:
        statement = statement.where(BudgetRow.id.in_(ids))
    return [
        BudgetRecord(
            id=row.id,
            name=row.name,
            scope=row.scope,
            subject=row.subject,
            amount=str(row.amount_nano_usd),
            hard=row.hard,
            schedule=row.schedule,
            timezone=row.effective_timezone,
            starts_at=row.starts_at,
            warn_at=row.warn_at,
            alert_at=list(row.alert_at),
        )
        for row in await session.execute(statement)
    ]
