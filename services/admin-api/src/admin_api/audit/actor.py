"""Who acts at this moment: a person through a session or an access token, or the system itself.

Set where a request is let in (`dependencies`) or a command begins, read by `listener` when something is changed. A context
variable, so that no use case has to carry it along, and none can forget it: a change that nobody makes is an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

ActorKind = Literal["user", "access_token", "scim", "invitation", "identity_provider", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """`id` is the user's, or the name of the part of the system. `address` and `request_id` are those of the request."""

    kind: ActorKind
    id: str
    address: str | None = None
    request_id: str | None = None


_current: Final[ContextVar[Actor | None]] = ContextVar("actor", default=None)


def system(name: str) -> Actor:
    """A command or a background task."""
    return Actor(kind="system", id=name)


def current_actor() -> Actor | None:
    return _current.get()


def set_actor(actor: Actor) -> None:
    """For the rest of this task: of a request that was let in."""
    _current.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Inside, it is `actor` who changes things."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)
