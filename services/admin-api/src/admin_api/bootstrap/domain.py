"""What a bootstrap document asks for, as plain values; and what is done about something that is there already, or no longer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from admin_api.api_keys.domain import KeyPolicy
from admin_api.budgets.domain import BudgetPlan
from admin_api.catalog.domain import WantedRoute
from admin_api.catalog.providers import PROVIDERS
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.runtime_settings.domain import TenantSettings
from common.events.control import BudgetScope, LimitPolicy


@dataclass(frozen=True, slots=True)
class TenantContent:
    """`fields` are those of the tenant's row that the document says something about."""

    name: str
    fields: Mapping[str, Any]
    replace: bool


@dataclass(frozen=True, slots=True)
class UserContent:
    """`email` is in its normal spelling."""

    email: str
    name: str
    password: str
    role: PlatformRole | None
    replace: bool


@dataclass(frozen=True, slots=True)
class KeyContent:
    """`tenant` is a name: of the document or already there."""

    tenant: str
    name: str
    secret: str
    policy: KeyPolicy
    fields: Mapping[str, Any]
    replace: bool


@dataclass(frozen=True, slots=True)
class MembershipContent:
    """`tenant` by its name, the person by their e-mail address."""

    tenant: str
    email: str
    role: TenantRole
    replace: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What limits or a budget are for, by the names people use: a key by its tenant's and its own, a user by the e-mail address."""

    scope: BudgetScope
    tenant: str | None = None
    key: str | None = None
    user: str | None = None

    def __str__(self) -> str:
        return "/".join([self.scope, *(part for part in (self.tenant, self.key, self.user) if part)])


@dataclass(frozen=True, slots=True)
class LimitsContent:
    subject: Subject
    policy: LimitPolicy
    replace: bool


@dataclass(frozen=True, slots=True)
class TenantSettingsContent:
    settings: TenantSettings
    replace: bool


@dataclass(frozen=True, slots=True)
class BudgetContent:
    """The plan's own subject is empty."""

    subject: Subject
    plan: BudgetPlan
    replace: bool


@dataclass(frozen=True, slots=True)
class ModelContent:
    """Only with `replace` are the routes of an existing alias touched."""

    alias: str
    replace: bool
    routes: tuple[WantedRoute, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that should be there afterwards."""

    tenant_settings: TenantSettingsContent | None = None
    tenants: tuple[TenantContent, ...] = ()
    users: tuple[UserContent, ...] = ()
    memberships: tuple[MembershipContent, ...] = ()
    keys: tuple[KeyContent, ...] = ()
    limits: tuple[LimitsContent, ...] = ()
    budgets: tuple[BudgetContent, ...] = ()
    models: tuple[ModelContent, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """How much was made or replaced; all zeros when everything was there."""

    settings: int = 0
    tenants: int = 0
    users: int = 0
    memberships: int = 0
    keys: int = 0
    limits: int = 0
    budgets: int = 0
    models: int = 0


class Deed(Enum):
    """What is done about one entry."""

    NOTHING = "nothing"
    MAKE = "make"
    REPLACE = "replace"


def decide(*, exists: bool, remembered: bool, replace: bool) -> Deed:
    """What is there is left alone, and what was made before and is gone stays gone: somebody wanted that. Unless told otherwise."""
    if exists:
        return Deed.REPLACE if replace else Deed.NOTHING
    return Deed.MAKE if replace or not remembered else Deed.NOTHING


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
