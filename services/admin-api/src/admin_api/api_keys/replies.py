"""How keys are shown, behind both doors."""

from typing import Final

from admin_api.api_keys.schemas import ApiKey, ApiKeyCreated, ApiKeyPage
from admin_api.api_keys.service import CreatedKey, ShownKey
from admin_api.dependencies import Services
from admin_api.paging import Slice

KEY_FIELDS: Final = (
    "name",
    "expires_at",
    "scopes",
    "models",
    "allowed_addresses",
    "tags",
    "owner_id",
    "suspended",
)
"""Of a request that changes a key."""


def shown(services: Services, key: ShownKey) -> ApiKey:
    return ApiKey.of(key.row, key.tenant_name, key.last_used_at, now=services.clock())


def created(services: Services, made: CreatedKey) -> ApiKeyCreated:
    return ApiKeyCreated(**shown(services, made.shown).model_dump(), secret=made.secret)


def page(services: Services, found: Slice[ShownKey]) -> ApiKeyPage:
    return ApiKeyPage.of(found, lambda key: shown(services, key))
