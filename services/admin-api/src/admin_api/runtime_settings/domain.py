"""What can be set, with what holds as long as nobody has."""

from dataclasses import dataclass
from typing import Final

TENANTS_SETTING: Final = "tenants"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """`personal_tenants`: whether each person gets a tenant of their own when they sign in. `default_models`: which models those
    may use; null means every one, an empty list means none. `retention_days`: how long a deleted tenant can be brought back.
    """

    personal_tenants: bool = False
    default_models: tuple[str, ...] | None = ()
    retention_days: int = 30
