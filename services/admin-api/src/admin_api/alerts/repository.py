"""Every query on alert policies and their transport."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.alerts.models import AlertPolicyRow, AlertTransportRow
from common.events.alerts import TRANSPORT_KEY

_FRESH: Final = {"populate_existing": True}


async def find_policy(session: AsyncSession, policy_id: str) -> AlertPolicyRow | None:
    return await session.get(AlertPolicyRow, policy_id)


async def policies(session: AsyncSession, ids: Collection[str] | None) -> Sequence[AlertPolicyRow]:
    statement = select(AlertPolicyRow)
    if ids is not None:
        statement = statement.where(AlertPolicyRow.id.in_(ids))
    return (await session.scalars(statement, execution_options=_FRESH)).all()


async def find_transport(session: AsyncSession) -> AlertTransportRow | None:
    return await session.get(AlertTransportRow, TRANSPORT_KEY)
