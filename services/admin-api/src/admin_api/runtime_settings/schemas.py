"""Shapes of settings in requests and replies."""

from typing import Annotated

from pydantic import BaseModel, Field

from admin_api.fields import RequestBody
from admin_api.runtime_settings.domain import TenantSettings
from admin_api.tenants.schemas import Models


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
