"""Sealing again what is sealed under an older key, some rows at a time, while everything goes on. It may be stopped and begun
again: what is done is not done twice.

What does not open (its key is not configured any more) is left as it is and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit.service import note
from admin_api.configuration import records
from admin_api.encryption.sealed import PLACES, Sealed
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many were sealed again, and which could not be opened, by the name of the place."""

    sealed: dict[str, int]
    unopened: dict[str, tuple[str, ...]]


async def rotate(sessions: Sessions, sealer: Sealer) -> Rotated:
    """Everywhere. The edge and alerts are told through the outbox, by any admin-api that serves."""
    sealed: dict[str, int] = {}
    unopened: dict[str, tuple[str, ...]] = {}
    for place in PLACES:
        sealed[place.name], unopened[place.name] = await _rotate_place(sessions, place, sealer)
    async with sessions.begin() as session:
        await note(
            session,
            "encryption.rotated",
            resource_type="encryption_key",
            resource_id=sealer.active,
            after={**sealed, "unopened": sum(len(each) for each in unopened.values())},
        )
    return Rotated(sealed, unopened)


async def _rotate_place(sessions: Sessions, place: Sealed, sealer: Sealer) -> tuple[int, tuple[str, ...]]:
    done, failed, after = 0, list[str](), ""
    while True:
        async with sessions.begin() as session:
            keys = await _older(session, place, sealer, after)
            if not keys:
                return done, tuple(failed)
            for key in keys:
                if await _seal_again(session, place, key, sealer):
                    done += 1
                else:
                    failed.append(key)
            after = keys[-1]


async def _older(session: AsyncSession, place: Sealed, sealer: Sealer, after: str) -> Sequence[str]:
    statement = (
        select(place.key)
        .where(place.column.is_not(None), ~place.column.startswith(sealer.prefix, autoescape=True), place.key > after)
        .order_by(place.key)
        .limit(_AT_ONCE)
    )
    return (await session.scalars(statement)).all()


async def _seal_again(session: AsyncSession, place: Sealed, key: str, sealer: Sealer) -> bool:
    row: Any = (await session.scalars(select(place.key.class_).where(place.key == key))).first()
    if row is None:
        return True
    if place.record is not None:
        await records.hold(session, *place.record(row))
        await session.refresh(row)
    try:
        secret = sealer.open(getattr(row, place.column.key), purpose=place.purpose(row))
    except SealingError:
        return False
    setattr(row, place.column.key, sealer.seal(secret, purpose=place.purpose(row)))
    if place.record is not None:
        await records.emit(session, *place.record(row))
    return True
