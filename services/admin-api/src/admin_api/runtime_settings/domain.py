"""What can be set, with what holds as long as nobody has."""

from dataclasses import dataclass
from typing import Final

TENANTS_SETTING: Final = "tenants"
BUDGETS_SETTING: Final = "budgets"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """`personal_tenants`: whether each person gets a tenant of their own when they sign in. `default_models`: which models those
    may use; null means every one, an empty list means none. `retention_days`: how long a deleted tenant can be brought back.
    """

    personal_tenants: bool = False
    default_models: tuple[str, ...] | None = ()
    retention_days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultBudget:
    """What each tenant has that has no budget of its own, by the tenant's time zone."""

    amount_nano_usd: int
    hard: bool
    schedule: str
    warn_at: int
    alert_at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """`default_budget` null: tenants without a budget of their own have none."""

    default_budget: DefaultBudget | None = None
