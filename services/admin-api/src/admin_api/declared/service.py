"""Use cases of what the file declares. Each alias is a transaction of its own, so that one that cannot be stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.catalog import repository as catalog
from admin_api.catalog.service import check_addresses
from admin_api.catalog.service import hold as hold_model
from admin_api.catalog.service import remove as remove_model
from admin_api.catalog.service import write as write_model
from admin_api.declared import repository
from admin_api.declared.domain import Broken, Declaration, Standing, State, Wanted, standing
from admin_api.declared.models import DeclaredModelRow
from admin_api.locks import DECLARED_LOCK
from common.clock import Clock
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.http.errors import ApiError, NotFoundError

_HOLD: Final = text("SELECT pg_advisory_xact_lock(:key)")


@dataclass(frozen=True, slots=True)
class Applied:
    """`ids` of the outbox rows that tell the edge; `problems` by alias."""

    ids: list[int]
    problems: Mapping[str, str]


async def list_declarations(sessions: Sessions) -> list[Declaration]:
    """Every alias of the file as it was last read, by alias."""
    async with sessions.begin() as session:
        return [
            Declaration(row.alias, _state(row, standing(applied=row.model_updated_at, model=updated_at)), row.problem)
            for row, updated_at in await repository.all_with_models(session)
        ]


def _state(row: DeclaredModelRow, stands: Standing) -> State:
    if row.problem is not None:
        return "broken"
    states: dict[Standing, State] = {
        Standing.FROM_FILE: "in_force",
        Standing.DELETED: "deleted",
        Standing.EDITED: "overridden",
        Standing.NEW: "broken",
    }
    return states[stands]


async def apply(
    sessions: Sessions,
    declared: Sequence[Wanted | Broken],
    *,
    clock: Clock,
    sealer: Sealer,
    allow_private: bool,
    reset: str | None = None,
) -> Applied:
    """Make the catalog what the file says, but for what was edited through the Admin API (unless it is the alias to `reset`). What
    cannot be is noted with its alias.

    Raises `NotFoundError` when the alias to reset is not declared.
    """
    ids: list[int] = []
    wanted = [each for each in declared if isinstance(each, Wanted) and reset in (None, each.alias)]
    if reset is not None and not wanted:
        raise NotFoundError("The configuration file declares no such model, or it is broken there.")
    problems = {each.alias: each.problem for each in declared if isinstance(each, Broken) and each.alias is not None}
    while wanted:
        # An alias may fall back to one that comes later: what fails is tried again for as long as anything succeeds.
        failed: list[Wanted] = []
        for model in wanted:
            try:
                await check_addresses(model.routes, allow_private=allow_private)
                ids += await _apply(sessions, model, clock=clock, sealer=sealer, even_if_edited=reset is not None)
            except ApiError as error:
                failed.append(model)
                problems[model.alias] = error.message
            else:
                problems.pop(model.alias, None)
        wanted = failed if len(failed) < len(wanted) else []
    if reset is None:
        ids += await _remove_others(sessions, declared, problems)
    await _note_problems(sessions, problems)
    return Applied(ids, problems)


async def _apply(sessions: Sessions, model: Wanted, *, clock: Clock, sealer: Sealer, even_if_edited: bool) -> list[int]:
    async with sessions.begin() as session:
        await session.execute(_HOLD, {"key": DECLARED_LOCK})
        await hold_model(session, model.alias)
        row = await repository.find(session, model.alias)
        current = await catalog.find(session, model.alias)
        stands = standing(
            applied=None if row is None else row.model_updated_at, model=None if current is None else current.updated_at
        )
        if row is None:
            row = DeclaredModelRow(alias=model.alias, digest="", model_updated_at=None, problem=None)
            session.add(row)
        row.problem = None
        write = stands is Standing.NEW or (stands is Standing.FROM_FILE and row.digest != model.digest)
        if not write and not even_if_edited:
            return []
        existing = [] if current is None else [route.id for route in current.routes]
        routes = [
            replace(route, id=existing[position] if position < len(existing) else None)
            for position, route in enumerate(model.routes)
        ]
        written, _, ids = await write_model(
            session,
            model.alias,
            sealer=sealer,
            enabled=model.enabled,
            routes=routes,
            now=clock(),
            fallbacks=model.fallbacks,
            capabilities=model.capabilities,
        )
        row.digest = model.digest
        row.model_updated_at = written.updated_at
        return ids


async def _remove_others(
    sessions: Sessions, declared: Sequence[Wanted | Broken], problems: dict[str, str]
) -> list[int]:
    """What the file no longer declares: models that are as it made them go with it, others are the Admin API's from now on.

    While an entry's alias cannot be read, nothing goes: it could be that one.
    """
    if any(each.alias is None for each in declared):
        return []
    aliases = {each.alias for each in declared}
    async with sessions.begin() as session:
        gone = [row.alias for row, _ in await repository.all_with_models(session) if row.alias not in aliases]
    ids: list[int] = []
    while gone:
        failed = []
        for alias in gone:
            try:
                ids += await _forget(sessions, alias)
            except ApiError as error:
                failed.append(alias)
                problems[alias] = f"the file no longer declares this model, but it cannot go: {error.message}"
            else:
                problems.pop(alias, None)
        gone = failed if len(failed) < len(gone) else []
    return ids


async def _forget(sessions: Sessions, alias: str) -> list[int]:
    async with sessions.begin() as session:
        await session.execute(_HOLD, {"key": DECLARED_LOCK})
        row = await repository.find(session, alias)
        if row is None:
            return []
        await hold_model(session, alias)
        model = await catalog.find(session, alias)
        stands = standing(applied=row.model_updated_at, model=None if model is None else model.updated_at)
        ids = await remove_model(session, alias) if stands is Standing.FROM_FILE else []
        await session.delete(row)
        return ids


async def _note_problems(sessions: Sessions, problems: dict[str, str]) -> None:
    async with sessions.begin() as session:
        await session.execute(_HOLD, {"key": DECLARED_LOCK})
        for alias, problem in problems.items():
            await _note(session, alias, problem)


async def _note(session: AsyncSession, alias: str, problem: str) -> None:
    row = await repository.find(session, alias)
    if row is None:
        session.add(DeclaredModelRow(alias=alias, digest="", model_updated_at=None, problem=problem))
    elif row.problem != problem:
        row.problem = problem
