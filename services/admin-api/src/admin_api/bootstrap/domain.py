"""What a bootstrap document asks for, as plain values; and when a model's routes already are what it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from admin_api.catalog.domain import WantedRoute
from admin_api.catalog.providers import PROVIDERS
from admin_api.permissions import PlatformRole


@dataclass(frozen=True, slots=True)
class UserContent:
    """`email` is in its normal spelling."""

    email: str
    name: str
    password: str
    role: PlatformRole


@dataclass(frozen=True, slots=True)
class KeyContent:
    """`tenant` is a name: of the document or already there."""

    tenant: str
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class ModelContent:
    """Only with `replace` are the routes of an existing alias touched."""

    alias: str
    replace: bool
    routes: tuple[WantedRoute, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that should be there afterwards."""

    tenants: tuple[str, ...] = ()
    users: tuple[UserContent, ...] = ()
    keys: tuple[KeyContent, ...] = ()
    models: tuple[ModelContent, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """How much was made or replaced; all zeros when everything was there."""

    tenants: int = 0
    users: int = 0
    keys: int = 0
    models: int = 0


def take_over_ids(wanted: Sequence[WantedRoute], existing: Sequence[WantedRoute]) -> list[WantedRoute]:
    """The wanted routes with the ids of those they replace, place by place: an unchanged price keeps its version."""
    ids = [route.id for route in existing] + [None] * len(wanted)
    return [replace(route, id=route_id) for route, route_id in zip(wanted, ids, strict=False)]


def are_same(wanted: Sequence[WantedRoute], existing: Sequence[WantedRoute]) -> bool:
    """Whether the routes are what is wanted, ids aside. A priority or weight that nobody asks for is what it is."""
    return len(wanted) == len(existing) and all(
        _comparable(_settled(wish, route)) == _comparable(route) for wish, route in zip(wanted, existing, strict=True)
    )


def _settled(wish: WantedRoute, route: WantedRoute) -> WantedRoute:
    return replace(
        wish,
        priority=route.priority if wish.priority is None else wish.priority,
        weight=route.weight if wish.weight is None else wish.weight,
    )


def _comparable(route: WantedRoute) -> WantedRoute:
    provider = PROVIDERS.get(route.provider)
    base_url = route.base_url or (provider.default_base_url if provider is not None else None) or ""
    credential = route.credential if isinstance(route.credential, str) else None
    return replace(route, id=None, base_url=base_url.rstrip("/"), credential=credential)
