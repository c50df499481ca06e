"""Writes an audit entry for every row of the control plane that is made, changed or removed, in the same transaction.

It listens to the flushes of `AuditedSession`, so no use case has to remember it. A table that is not worth entries says
`__audited__ = False`, a column `info={"audit": False}`; a column whose value must not be written down says `info={"secret": True}`.

Errors: `UnauditedError`, when a change is made while nobody acts, or with a statement that passes the flush by. Both are mistakes
in the program, and the transaction is rolled back.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, UOWTransaction

from admin_api.audit.actor import Actor, current_actor
from admin_api.audit.domain import AUDIT_PREFIX, Action, Change, Column, shown
from admin_api.audit.models import AuditEntryRow
from admin_api.database import ControlBase
from common.clock import Clock, utc_now
from common.ids import new_id

CLOCK: Final = "clock"
"""Of a session's `info`: whence an entry has its time."""


class UnauditedError(RuntimeError):
    """A change that would leave no trace."""


class AuditedSession(Session):
    """The session of the control plane's use cases."""


@event.listens_for(AuditedSession, "after_flush")
def _write_entries(session: Session, _flush: UOWTransaction) -> None:
    entries = [_entry(session, row, action, change) for row, action, change in _changes(session)]
    if entries:
        session.connection().execute(insert(AuditEntryRow.__table__), entries)  # type: ignore[arg-type]


@event.listens_for(AuditedSession, "do_orm_execute")
def _refuse_bulk_changes(state: ORMExecuteState) -> None:
    mapper = state.bind_mapper
    if (state.is_update or state.is_delete or state.is_insert) and mapper is not None and _is_audited(mapper):
        raise UnauditedError(f"{mapper.class_.__name__} is audited: load its rows and change them")


def add_entry(
    session: Session,
    action: str,
    *,
    resource_type: str,
    resource_id: str,
    tenant_id: str | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """An entry for something that is not the change of a row, in the session's transaction."""
    entry = _row(
        session, action, resource_type=resource_type, resource_id=resource_id, tenant_id=tenant_id, after=after
    )
    session.connection().execute(insert(AuditEntryRow.__table__), [entry])  # type: ignore[arg-type]


def _changes(session: Session) -> Iterator[tuple[ControlBase, Action, Change]]:
    for rows, action in (
        (session.new, Action.CREATED),
        (session.dirty, Action.UPDATED),
        (session.deleted, Action.DELETED),
    ):
        for row in rows:
            if isinstance(row, ControlBase) and _is_audited(inspect(type(row))):
                change = _change(row, action)
                if change is not None:
                    yield row, action, change


def _change(row: ControlBase, action: Action) -> Change | None:
    """What of a row is different; `None` when it is nothing worth an entry."""
    columns = _columns(type(row))
    if action is Action.UPDATED:
        before, after = {}, {}
        for column in columns:
            history = inspect(row).attrs[column.name].history
            if history.added and (not history.deleted or history.added[0] != history.deleted[0]):
                before[column.name] = shown(column, history.deleted[0] if history.deleted else None)
                after[column.name] = shown(column, history.added[0])
        return Change(before, after) if after else None
    everything = {column.name: shown(column, inspect(row).dict.get(column.name)) for column in columns}
    return Change(None, everything) if action is Action.CREATED else Change(everything, None)


def _entry(session: Session, row: ControlBase, action: Action, change: Change) -> dict[str, Any]:
    resource = type(row).audited_as()
    tenant_id = row.__dict__.get("id") if resource == "tenant" else row.__dict__.get("tenant_id")
    return _row(
        session,
        f"{resource}.{action}",
        resource_type=resource,
        resource_id=".".join(str(part) for part in inspect(type(row)).primary_key_from_instance(row)),
        tenant_id=tenant_id,
        before=change.before,
        after=change.after,
    )


def _row(session: Session, action: str, **fields: Any) -> dict[str, Any]:
    actor: Actor | None = current_actor()
    if actor is None:
        raise UnauditedError(f"{action}: nobody acts")
    clock: Clock = session.info.get(CLOCK, utc_now)
    return {
        "id": new_id(AUDIT_PREFIX),
        "occurred_at": clock(),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "action": action,
        "before": None,
        "after": None,
        "address": actor.address,
        "request_id": actor.request_id,
        **fields,
    }


def _is_audited(mapper: Mapper[Any]) -> bool:
    return bool(getattr(mapper.class_, "__audited__", False))


@cache
def _columns(table: type[ControlBase]) -> tuple[Column, ...]:
    return tuple(
        Column(attribute.key, bool(attribute.columns[0].info.get("secret", False)))
        for attribute in inspect(table).column_attrs
        if attribute.columns[0].info.get("audit", True)
    )
