"""Shapes of API keys in requests and replies. The secret is in one reply only: that of the creation."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from admin_api.api_keys.domain import (
    DEFAULT_GRACE_S,
    LONGEST_GRACE_S,
    MAX_ADDRESSES,
    SURFACES,
    KeyKind,
    KeyPolicy,
    KeyStatus,
    Surface,
    normal_network,
    status_of,
)
from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets.domain import BudgetPlan
from admin_api.budgets.schemas import KeyBudgetCreate
from admin_api.fields import Moment, Name, RequestBody, Tags, absent
from admin_api.paging import Page
from admin_api.rate_limits.schemas import RateLimitsWrite
from admin_api.tenants.schemas import Models
from common.events.control import LimitPolicy


def _checked_network(text: str) -> str:
    try:
        return normal_network(text)
    except ValueError:
        raise ValueError("this is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32") from None


def _without_repetition(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


Scopes = Annotated[list[Surface], Field(max_length=len(SURFACES)), AfterValidator(_without_repetition)]
Network = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[0-9A-Fa-f.:/]+$"), AfterValidator(_checked_network)
]
"""In CIDR notation; an address alone is taken too. Brought into its normal spelling."""
Networks = Annotated[list[Network], Field(max_length=MAX_ADDRESSES), AfterValidator(_without_repetition)]
OwnerId = Annotated[str, StringConstraints(max_length=100)]


class ApiKey(BaseModel):
    """A key as it may be displayed: `hint` is its beginning and its end.

    `scopes` and `models` are what it may use: null means all that its tenant may, an empty list means nothing. Calls are taken
    from `allowed_addresses` only, or from anywhere when there are none. `tags` are carried into usage. The budgets of the user
    `owner_id` count what it costs; null for nobody's. A personal key is its owner's alone. After a rotation, the secret of before
    (`previous_hint`) is good until `previous_ends_at`. `last_used_at` is when the latest call began that the ledger has.
    """

    id: str
    tenant_id: str
    tenant_name: str
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    status: KeyStatus
    scopes: list[Surface] | None
    models: list[str] | None
    allowed_addresses: list[str]
    tags: dict[str, str]
    owner_id: str | None
    kind: KeyKind
    suspended_at: datetime | None
    previous_hint: str | None
    previous_ends_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: ApiKeyRow, tenant_name: str, last_used_at: datetime | None, *, now: datetime) -> "ApiKey":
        return cls(
            id=row.id,
            tenant_id=row.tenant_id,
            tenant_name=tenant_name,
            name=row.name,
            hint=row.hint,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            status=status_of(
                revoked_at=row.revoked_at, suspended_at=row.suspended_at, expires_at=row.expires_at, now=now
            ),
            kind=row.kind,
            suspended_at=row.suspended_at,
            last_used_at=last_used_at,
            **_grace_of(row, now),
            **_policy_of(row),
        )


def _grace_of(row: ApiKeyRow, now: datetime) -> dict[str, Any]:
    """What is over is not worth showing."""
    lasts = row.previous_ends_at is not None and row.previous_ends_at > now
    return {
        "previous_hint": row.previous_hint if lasts else None,
        "previous_ends_at": row.previous_ends_at if lasts else None,
    }


def _policy_of(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "scopes": row.scopes,
        "models": row.models,
        "allowed_addresses": row.allowed_addresses,
        "tags": row.tags,
        "owner_id": row.owner_id,
    }


class ApiKeyPage(Page[ApiKey]):
    """API keys, newest first."""


class _KeyCreate(RequestBody):
    name: Name
    expires_at: Moment | None = None
    scopes: Scopes | None = None
    models: Models | None = None
    allowed_addresses: Networks = Field(default_factory=list)
    tags: Tags = Field(default_factory=dict)
    limits: RateLimitsWrite | None = None
    budget: KeyBudgetCreate | None = None

    def policy(self) -> KeyPolicy:
        return KeyPolicy(
            scopes=self.scopes,
            models=self.models,
            allowed_addresses=self.allowed_addresses,
            limits=LimitPolicy() if self.limits is None else self.limits.value(),
            tags=self.tags,
        )

    def budget_plan(self) -> BudgetPlan | None:
        """Its subject is the key, which is not there yet."""
        return None if self.budget is None else self.budget.plan("")


class ApiKeyCreate(_KeyCreate):
    """A key to be; without `expires_at` it is valid until it is revoked. It is its maker's when `owner_id` is left out, and
    nobody's when that is null."""

    owner_id: OwnerId | None = None


class OwnApiKeyCreate(_KeyCreate):
    """A key to be, its maker's own."""

    kind: KeyKind = "personal"


class ApiKeyUpdate(RequestBody):
    """What is left out stays as it is. With another owner, the budgets of both are counted anew: they count all that the keys cost
    which are a user's now. `suspended` takes a key out of force, or puts it back."""

    name: Name = absent()
    expires_at: Moment | None = None
    scopes: Scopes | None = None
    models: Models | None = None
    allowed_addresses: Networks = absent()
    tags: Tags = absent()
    owner_id: OwnerId | None = None
    suspended: bool = absent()


class ApiKeyRotate(RequestBody):
    """For how long the secret of before is good, too; 0 ends it at once."""

    grace_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_GRACE_S)] = DEFAULT_GRACE_S


class ApiKeyCreated(ApiKey):
    """A new key, or a key with a new secret, which is shown this once."""

    secret: str
