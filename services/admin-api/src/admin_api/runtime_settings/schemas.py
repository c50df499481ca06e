"""Shapes of settings in requests and replies."""

from typing import Annotated

from pydantic import BaseModel, Field, field_validator

from admin_api.budgets.domain import DEFAULT_WARN_AT, parse_amount
from admin_api.budgets.schemas import AlertAt, Amount, Schedule, WarnAt
from admin_api.fields import RequestBody
from admin_api.runtime_settings.domain import BudgetSettings, DefaultBudget, TenantSettings
from admin_api.tenants.schemas import Models
from common.money import format_usd


class TenantSettingsView(BaseModel):
    """`personal_tenants`: whether each person gets a tenant of their own when they sign in. `default_models` are what those may
    use: null means every model, an empty list means none. A deleted tenant can be brought back for `retention_days`."""

    personal_tenants: bool
    default_models: list[str] | None
    retention_days: int

    @classmethod
    def of(cls, settings: TenantSettings) -> "TenantSettingsView":
        return cls.model_validate(settings, from_attributes=True)


class TenantSettingsWrite(RequestBody):
    """All of them, as they are to be."""

    personal_tenants: bool
    default_models: Models | None
    retention_days: Annotated[int, Field(strict=True, ge=0, le=3650)]

    def value(self) -> TenantSettings:
        return TenantSettings(
            personal_tenants=self.personal_tenants,
            default_models=None if self.default_models is None else tuple(self.default_models),
            retention_days=self.retention_days,
        )


class DefaultBudgetWrite(RequestBody):
    """What each tenant has that has no budget of its own."""

    amount_usd: Amount
    hard: bool = True
    schedule: Schedule = "calendar_month"
    warn_at: WarnAt = DEFAULT_WARN_AT
    alert_at: AlertAt = Field(default_factory=list)


class BudgetSettingsView(BaseModel):
    """`default_budget` null: tenants without a budget of their own have none."""

    default_budget: DefaultBudgetWrite | None

    @classmethod
    def of(cls, settings: BudgetSettings) -> "BudgetSettingsView":
        default = settings.default_budget
        if default is None:
            return cls(default_budget=None)
        return cls(
            default_budget=DefaultBudgetWrite(
                amount_usd=format_usd(default.amount_nano_usd),
                hard=default.hard,
                schedule=default.schedule,
                warn_at=default.warn_at,
                alert_at=list(default.alert_at),
            )
        )


class BudgetSettingsWrite(RequestBody):
    """All of them, as they are to be. A default budget has no fixed schedule: it would begin anew for each tenant."""

    default_budget: DefaultBudgetWrite | None

    @field_validator("default_budget")
    @classmethod
    def _is_renewed(cls, value: DefaultBudgetWrite | None) -> DefaultBudgetWrite | None:
        if value is not None and value.schedule == "fixed":
            raise ValueError("the default budget cannot be a fixed one")
        return value

    def value(self) -> BudgetSettings:
        wanted = self.default_budget
        if wanted is None:
            return BudgetSettings()
        return BudgetSettings(
            default_budget=DefaultBudget(
                amount_nano_usd=parse_amount(wanted.amount_usd),
                hard=wanted.hard,
                schedule=wanted.schedule,
                warn_at=wanted.warn_at,
                alert_at=tuple(wanted.alert_at),
            )
        )
