"""Use cases of budgets. Each is a configuration record of the edge, and read by the ledger's worker from its table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository
from admin_api.budgets.defaults import follow_default, hold_default
from admin_api.budgets.domain import BUDGET_PREFIX, BudgetPlan, Spent
from admin_api.budgets.models import BudgetRow
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.errors import AboveCeilingError
from admin_api.ledger.budget_history import PastPeriod, read_periods
from admin_api.ledger.budgets import forget, note_amount, read_spent
from admin_api.paging import Slice, decode_cursor, encode_cursor, moment_of
from common.clock import Clock
from common.db.engine import Sessions
from common.events.control import BudgetScope
from common.events.subjects import BUDGETS_BUCKET
from common.http.errors import ConflictError, InvalidRequestError, NotFoundError
from common.ids import is_id, new_id
from common.money import format_usd

_MISSING: Final = "There is no such budget."
_FOLLOWS: Final = (
    "This budget is the default one of all tenants: change it in the settings, or make a budget of the tenant's own."
)

Shown = tuple[BudgetRow, Spent]


async def list_budgets(
    sessions: Sessions,
    *,
    clock: Clock,
    scope: BudgetScope | None,
    subject: str | None,
    limit: int,
    cursor: str | None,
) -> Slice[Shown]:
    """Newest first, with what they have spent. Raises `InvalidCursorError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        rows = await repository.newest(session, scope=scope, subject=subject, limit=limit + 1, before=before)
        spent = await _spent(session, [row.id for row in rows], clock=clock)
    shown = [(row, spent[row.id]) for row in rows]
    return Slice.of(shown, limit, lambda each: encode_cursor(each[0].id))


async def read_budget(sessions: Sessions, budget_id: str, *, clock: Clock) -> Shown:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        row = await _existing(session, budget_id)
        return row, (await _spent(session, [row.id], clock=clock))[row.id]


async def create_budget(
    sessions: Sessions, plan: BudgetPlan, *, clock: Clock, propagation: Propagation, within: str | None = None
) -> Shown:
    """With `within`, it is held against the budgets of that tenant. Raises `InvalidRequestError` when there is nothing that it
    could be for, `AboveCeilingError`, or `NotInForceError`.
    """
    propagation.check()
    now = clock()
    async with sessions.begin() as session:
        if not await repository.subject_exists(session, plan.scope, plan.subject):
            raise InvalidRequestError(
                f"subject: there is no such {plan.scope}."
                if plan.scope != "installation"
                else "subject: the installation's budget has none.",
                code="invalid_value",
                param="subject",
            )
        row, ids = await insert(session, plan, now=now)
        if within is not None:
            await check_ceiling(session, within, plan.amount_nano_usd, plan.schedule)
        spent = await _spent(session, [row.id], clock=clock)
    await propagation.wait(ids)
    return row, spent[row.id]


async def insert(session: AsyncSession, plan: BudgetPlan, *, now: datetime) -> tuple[BudgetRow, list[int]]:
    """A new budget in the caller's transaction, and the outbox rows that tell the edge."""
    row = BudgetRow(
        id=new_id(BUDGET_PREFIX),
        name=plan.name,
        scope=plan.scope,
        subject=plan.subject,
        amount_nano_usd=plan.amount_nano_usd,
        hard=plan.hard,
        schedule=plan.schedule,
        timezone=plan.timezone,
        starts_at=plan.starts_at or now,
        warn_at=plan.warn_at,
        alert_at=list(plan.alert_at),
        created_at=now,
    )
    session.add(row)
    ids = await records.emit(session, BUDGETS_BUCKET, row.id)
    return row, ids + await _follow(session, row, now=now)


async def check_ceiling(session: AsyncSession, tenant_id: str, amount: int, schedule: str) -> None:
    """Whether a key of the tenant can have such a budget: no hard one of the same schedule above it is smaller, in nano-USD.

    Raises `AboveCeilingError`.
    """
    for row in await repository.above_keys_of(session, tenant_id, schedule):
        if row.amount_nano_usd < amount:
            raise AboveCeilingError(
                f"amount_usd: {format_usd(amount)} is above the budget {row.name} of the {row.scope}, "
                f"which is {format_usd(row.amount_nano_usd)}.",
                param="amount_usd",
            )


async def list_of_tenant(sessions: Sessions, tenant_id: str, *, clock: Clock) -> list[Shown]:
    """The tenant's, and those of its keys, with what they have spent. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        rows = await repository.of_tenant(session, tenant_id)
        spent = await _spent(session, [row.id for row in rows], clock=clock)
    return [(row, spent[row.id]) for row in rows]


async def check_of_tenant(sessions: Sessions, tenant_id: str, budget_id: str) -> None:
    """Raises `NotFoundError` unless the budget is the tenant's or one of its keys'."""
    async with sessions.begin() as session:
        row = await _existing(session, budget_id)
        subject = (await repository.subjects(session, [row.id])).get(row.id)
    if row.scope not in {"tenant", "key"} or subject is None or subject.tenant_id != tenant_id:
        raise NotFoundError(_MISSING)


async def key_of(sessions: Sessions, budget_id: str) -> str | None:
    """The id of the key that a budget is for; `None` for one of something else. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        row = await _existing(session, budget_id)
    return row.subject if row.scope == "key" else None


async def update_budget(
    sessions: Sessions,
    budget_id: str,
    *,
    clock: Clock,
    propagation: Propagation,
    changes: Mapping[str, Any],
    within: str | None = None,
) -> Shown:
    """Set the fields in `changes`. Raises `NotFoundError`, `AboveCeilingError` (see `create_budget`), or `NotInForceError`."""
    propagation.check()
    async with sessions.begin() as session:
        await _hold(session, _checked(budget_id))
        row = await _existing(session, budget_id)
        ids = await change(session, row, changes, now=clock())
        if within is not None:
            await check_ceiling(session, within, row.amount_nano_usd, row.schedule)
        spent = await _spent(session, [row.id], clock=clock)
    await propagation.wait(ids)
    return row, spent[row.id]


async def change(session: AsyncSession, row: BudgetRow, changes: Mapping[str, Any], *, now: datetime) -> list[int]:
    """Set the fields in `changes` in the caller's transaction; the outbox rows that tell the edge.

    A default budget that is changed is the tenant's own from then on.
    """
    await _hold(session, row.id)
    periods = _periods_of(row)
    for field, value in changes.items():
        setattr(row, field, value)
    if _periods_of(row) != periods:
        await forget(session, [row.id])
    row.follows_default = row.follows_default and not changes
    ids = await records.emit(session, BUDGETS_BUCKET, row.id)
    if "amount_nano_usd" in changes:
        await note_amount(session, (await repository.records(session, [row.id]))[0], now=now)
    return ids + await _follow(session, row, now=now)


async def delete_all_of(session: AsyncSession, tenant_id: str) -> None:
    """The budgets of a tenant that is no more and of its keys, in the caller's transaction."""
    rows = await repository.of_tenant(session, tenant_id, revoked=True)
    ids = sorted(row.id for row in rows)
    await records.hold(session, BUDGETS_BUCKET, *ids)
    for row in rows:
        await session.delete(row)
    await forget(session, ids)
    await records.emit(session, BUDGETS_BUCKET, *ids)


async def delete_budget(sessions: Sessions, budget_id: str, *, clock: Clock, propagation: Propagation) -> None:
    """A tenant whose last own budget goes has the default one again.

    Raises `NotFoundError`, `ConflictError` (it is the default one) or `NotInForceError`.
    """
    propagation.check()
    async with sessions.begin() as session:
        await _hold(session, _checked(budget_id))
        row = await _existing(session, budget_id)
        if row.follows_default:
            raise ConflictError(_FOLLOWS, code="follows_default")
        await session.delete(row)
        await forget(session, [budget_id])
        ids = await records.emit(session, BUDGETS_BUCKET, budget_id)
        ids += await _follow(session, row, now=clock())
    await propagation.wait(ids)


async def read_history(
    sessions: Sessions, budget_id: str, *, clock: Clock, limit: int, cursor: str | None
) -> Slice[PastPeriod]:
    """The periods it has had, newest first. Raises `NotFoundError` or `InvalidCursorError`."""
    before = clock() if cursor is None else moment_of(decode_cursor(cursor)[0])
    async with sessions.begin() as session:
        row = await _existing(session, budget_id)
        record = (await repository.records(session, [row.id]))[0]
        found = await read_periods(session, record, made_at=row.created_at, before=before, limit=limit + 1)
    return Slice.of(found, limit, lambda each: encode_cursor(each.period.start.isoformat()))


async def _hold(session: AsyncSession, budget_id: str) -> None:
    """A tenant's default budget before its record: always in this order, so that nobody waits in a circle."""
    tenant_id = await repository.tenant_with(session, budget_id)
    if tenant_id is not None:
        await hold_default(session, tenant_id)
    await records.hold(session, BUDGETS_BUCKET, budget_id)


async def _follow(session: AsyncSession, row: BudgetRow, *, now: datetime) -> list[int]:
    """A tenant's own budget came or went, and with it the default one."""
    return await follow_default(session, [row.subject], now=now) if row.scope == "tenant" else []


def _periods_of(row: BudgetRow) -> tuple[object, ...]:
    """By what its periods are told."""
    return row.schedule, row.timezone, row.starts_at


def _checked(budget_id: str) -> str:
    if not is_id(budget_id, BUDGET_PREFIX):
        raise NotFoundError(_MISSING)
    return budget_id


async def _existing(session: AsyncSession, budget_id: str) -> BudgetRow:
    row = await repository.find(session, _checked(budget_id))
    if row is None:
        raise NotFoundError(_MISSING)
    return row


async def _spent(session: AsyncSession, ids: list[str], *, clock: Clock) -> dict[str, Spent]:
    return await read_spent(session, await repository.records(session, ids), now=clock())
