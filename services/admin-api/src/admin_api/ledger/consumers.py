"""The ledger's side of the bus: bytes to usage events, and Postgres' errors to the consumer's two kinds."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any, Final

import asyncpg
import msgspec
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from admin_api.ledger import service
from admin_api.ledger.budgets import Spending
from common.bus.consumer import Decoded, Item, PermanentError, Reject, TransientError
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.ids import is_id

_CALL_ID_PREFIX: Final = "req"
# Data exceptions, violated constraints, program limits: what the row itself is guilty of. Everything else, be it a missing
# table or a missing right, is a state of the database that a person can put right while the events wait.
_PERMANENT_CLASSES: Final = ("22", "23", "54")

# How JSON writes NUL; also what a text says that speaks of it, so it is only worth a closer look.
_NUL: Final = b"\\u0000"

_parts: Final = msgspec.json.Decoder(list[msgspec.Raw])
_envelope: Final = msgspec.json.Decoder(UsageEnvelope)
_envelopes: Final = msgspec.json.Decoder(list[UsageEnvelope])
_Unreadable: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)


def decode_usage(body: bytes) -> Decoded[UsageEnvelope]:
    """Read a message: a JSON array of envelopes, of which each is good or bad by itself."""
    try:
        parts = _parts.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Decoded(rejects=[Reject(body, f"not an array of events: {error}" if body else "empty message")])
    if _NUL not in body:
        # As good as always: all of them at once, which takes half the time.
        with suppress(*_Unreadable):
            envelopes = [_checked(envelope) for envelope in _envelopes.decode(body)]
            return Decoded([Item(each, bytes(parts[place]), place) for place, each in enumerate(envelopes)])
    items: list[Item[UsageEnvelope]] = []
    rejects: list[Reject] = []
    for position, part in enumerate(parts):
        try:
            items.append(Item(_read(part), bytes(part), position))
        except _Unreadable as error:
            rejects.append(Reject(bytes(part), str(error), position))
    return Decoded(items, rejects)


def _read(part: msgspec.Raw) -> UsageEnvelope:
    """One envelope. Raises `_Unreadable`."""
    envelope = _envelope.decode(part)
    if _NUL in bytes(part) and _holds_nul(msgspec.json.decode(part)):
        raise ValueError("a text holds NUL, which Postgres cannot store")
    return _checked(envelope)


def _checked(envelope: UsageEnvelope) -> UsageEnvelope:
    """With its time in UTC. Raises `_Unreadable`."""
    if not is_id(envelope.id, _CALL_ID_PREFIX):
        raise ValueError("the id is not a call's")
    if envelope.time.tzinfo is None:
        raise ValueError("the time has no offset")
    if envelope.time.tzinfo is UTC:
        return envelope
    return msgspec.structs.replace(envelope, time=envelope.time.astimezone(UTC))


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for each in value.items() for part in each)
    return isinstance(value, list) and any(map(_holds_nul, value))


class UsageHandler:
    """Enters decoded batches; the consumer's `handle`. `tell` hears what they added to budgets."""

    def __init__(self, sessions: Sessions, *, tell: Callable[[Sequence[Spending]], None]) -> None:
        self._sessions = sessions
        self._tell = tell

    async def __call__(self, envelopes: Sequence[UsageEnvelope]) -> None:
        """Raises `PermanentError` when Postgres refuses a row for what it is, `TransientError` for any other failure of it."""
        try:
            recorded = await service.record_usage(self._sessions, envelopes)
        except DBAPIError as error:
            if _is_the_rows_fault(error):
                raise PermanentError(f"refused by the ledger: {error.orig}") from error
            raise TransientError(f"Postgres: {type(error.orig).__name__}") from error
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise TransientError(f"Postgres: {type(error).__name__}") from error
        self._tell(recorded.spending)


def _is_the_rows_fault(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None) or ""
    cause = getattr(error.orig, "__cause__", None)
    if isinstance(cause, asyncpg.CheckViolationError) and cause.constraint_name is None:
        # Not one of our constraints but a partition's bounds: the partition was made while this statement ran.
        return False
    return state.startswith(_PERMANENT_CLASSES) or isinstance(cause, asyncpg.DataError)
