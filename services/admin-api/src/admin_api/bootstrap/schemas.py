"""The bootstrap document. Its values follow the same rules as requests to the Admin API."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from admin_api.bootstrap.domain import Content, KeyContent, ModelContent, UserContent
from admin_api.catalog.domain import MAX_ROUTES
from admin_api.catalog.schemas import Alias, RouteWrite
from admin_api.fields import Name
from admin_api.permissions import PlatformRole
from admin_api.users.schemas import Email, NewPassword
from common.crypto.api_keys import is_api_key


def _checked_secret(secret: str) -> str:
    if not is_api_key(secret):
        raise ValueError("an API key is sk- and 48 letters and digits")
    return secret


class _Part(BaseModel):
    # A message about a wrong document is printed; the values in it are secrets.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TenantWanted(_Part):
    """Known by its name."""

    name: Name


class UserWanted(_Part):
    """Known by the e-mail address; the password is used when the user is made, and never again."""

    email: Email
    name: Name
    password: NewPassword
    role: PlatformRole


class ApiKeyWanted(_Part):
    """Known by its secret. A revoked key stays revoked."""

    tenant: Name
    name: Name
    secret: Annotated[str, AfterValidator(_checked_secret)]


class ModelWanted(_Part):
    """Known by its alias. With `replace`, the routes of an existing one are made these again."""

    alias: Alias
    replace: bool = False
    routes: Annotated[list[RouteWrite], Field(min_length=1, max_length=MAX_ROUTES)]


class BootstrapDocument(_Part):
    """Everything is optional."""

    tenants: list[TenantWanted] = []
    admin_users: list[UserWanted] = []
    api_keys: list[ApiKeyWanted] = []
    models: list[ModelWanted] = []

    def value(self) -> Content:
        return Content(
            tenants=tuple(tenant.name for tenant in self.tenants),
            users=tuple(
                UserContent(email=user.email, name=user.name, password=user.password, role=user.role)
                for user in self.admin_users
            ),
            keys=tuple(KeyContent(tenant=key.tenant, name=key.name, secret=key.secret) for key in self.api_keys),
            models=tuple(
                ModelContent(model.alias, model.replace, tuple(route.value() for route in model.routes))
                for model in self.models
            ),
        )
