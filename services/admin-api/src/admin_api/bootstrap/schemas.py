"""The bootstrap document. Its values follow the same rules as requests to the Admin API."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from admin_api.api_keys.domain import KeyPolicy
from admin_api.api_keys.schemas import Networks, Scopes
from admin_api.bootstrap.domain import (
    BudgetContent,
    Content,
    KeyContent,
    LimitsContent,
    MembershipContent,
    ModelContent,
    Subject,
    TenantContent,
    TenantSettingsContent,
    UserContent,
)
from admin_api.budgets.schemas import BudgetCreate
from admin_api.catalog.domain import MAX_ROUTES
from admin_api.catalog.schemas import Alias, RouteWrite
from admin_api.fields import Moment, Name, Tags
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.rate_limits.schemas import RateLimitsWrite
from admin_api.runtime_settings.domain import TenantSettings
from admin_api.runtime_settings.schemas import TenantSettingsWrite
from admin_api.tenants.schemas import Models, TenantCreate
from admin_api.users.schemas import Email, NewPassword
from common.crypto.api_keys import is_api_key


def _checked_secret(secret: str) -> str:
    if not is_api_key(secret):
        raise ValueError("an API key is sk- and 48 letters and digits")
    return secret


class _Part(BaseModel):
    # A message about a wrong document is printed; the values in it are secrets.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TenantSettingsWanted(TenantSettingsWrite):
    """What is left out is as in an installation that never said."""

    personal_tenants: bool = False
    default_models: Models | None = Field(default_factory=list)
    retention_days: Annotated[int, Field(strict=True, ge=0, le=3650)] = TenantSettings().retention_days
    replace: bool = False

    def content(self) -> TenantSettingsContent:
        return TenantSettingsContent(self.value(), self.replace)


class TenantWanted(TenantCreate):
    """Known by its name."""

    replace: bool = False

    def value(self) -> TenantContent:
        fields = {name: getattr(self, name) for name in self.model_fields_set - {"name", "replace"}}
        return TenantContent(self.name, fields, self.replace)


class UserWanted(_Part):
    """Known by the e-mail address; the password is used when the user is made, and never again. `role` null: no platform role."""

    email: Email
    name: Name
    password: NewPassword
    role: PlatformRole | None
    replace: bool = False

    def value(self) -> UserContent:
        return UserContent(self.email, self.name, self.password, self.role, self.replace)


class MembershipWanted(_Part):
    """Known by tenant and person, of the document or already there."""

    tenant: Name
    email: Email
    role: TenantRole
    replace: bool = False

    def value(self) -> MembershipContent:
        return MembershipContent(self.tenant, self.email, self.role, self.replace)


class ApiKeyWanted(_Part):
    """Known by its secret. A revoked key stays revoked."""

    tenant: Name
    name: Name
    secret: Annotated[str, AfterValidator(_checked_secret)]
    expires_at: Moment | None = None
    scopes: Scopes | None = None
    models: Models | None = None
    allowed_addresses: Networks = []
    tags: Tags = {}
    replace: bool = False

    def value(self) -> KeyContent:
        policy = KeyPolicy(
            scopes=self.scopes, models=self.models, allowed_addresses=self.allowed_addresses, tags=self.tags
        )
        given = self.model_fields_set - {"tenant", "secret", "replace"}
        fields = {name: getattr(self, name) for name in given}
        return KeyContent(self.tenant, self.name, self.secret, policy, fields, self.replace)


class _OfSubject(BaseModel):
    tenant: Name | None = None
    key: Name | None = None

    def _check(self, scope: str, user: str | None = None) -> None:
        wanted = {"installation": set(), "tenant": {"tenant"}, "key": {"tenant", "key"}, "user": {"user"}}[scope]
        given = {"tenant": self.tenant, "key": self.key, "user": user}
        if {name for name, value in given.items() if value is not None} != wanted:
            says = " and ".join(sorted(wanted)) or "neither tenant nor key nor user"
            raise ValueError(f"the scope {scope} goes with {says}")


class LimitsWanted(_OfSubject, RateLimitsWrite):
    """Known by what they limit: the installation (its defaults), a tenant, or a key of this document."""

    scope: Literal["installation", "tenant", "key"]
    replace: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check(self.scope)
        return self

    def content(self) -> LimitsContent:
        return LimitsContent(Subject(self.scope, self.tenant, self.key), self.value(), self.replace)


class BudgetWanted(_OfSubject, BudgetCreate):
    """Known by its name and what it is for."""

    user: Email | None = None
    subject: Literal[""] = ""
    replace: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check(self.scope, self.user)
        return self

    def content(self) -> BudgetContent:
        return BudgetContent(Subject(self.scope, self.tenant, self.key, self.user), self.plan(), self.replace)


class ModelWanted(_Part):
    """Known by its alias. With `replace`, the routes of an existing one are made these again."""

    alias: Alias
    replace: bool = False
    routes: Annotated[list[RouteWrite], Field(min_length=1, max_length=MAX_ROUTES)]

    def value(self) -> ModelContent:
        return ModelContent(self.alias, self.replace, tuple(route.value() for route in self.routes))


class BootstrapDocument(_Part):
    """Everything is optional. `allow_literal_secrets` is read before, with the references of secrets."""

    allow_literal_secrets: bool = False
    tenant_settings: TenantSettingsWanted | None = None
    tenants: list[TenantWanted] = []
    admin_users: list[UserWanted] = []
    memberships: list[MembershipWanted] = []
    api_keys: list[ApiKeyWanted] = []
    limits: list[LimitsWanted] = []
    budgets: list[BudgetWanted] = []
    models: list[ModelWanted] = []

    def value(self) -> Content:
        return Content(
            tenant_settings=None if self.tenant_settings is None else self.tenant_settings.content(),
            tenants=tuple(tenant.value() for tenant in self.tenants),
            users=tuple(user.value() for user in self.admin_users),
            memberships=tuple(membership.value() for membership in self.memberships),
            keys=tuple(key.value() for key in self.api_keys),
            limits=tuple(limits.content() for limits in self.limits),
            budgets=tuple(budget.content() for budget in self.budgets),
            models=tuple(model.value() for model in self.models),
        )
