"""Every table of schema `control`, in one place for the migration test. Each is defined with its noun."""

from admin_api.access_tokens.models import AccessTokenRow
from admin_api.alerts.models import AlertPolicyRow, AlertTransportRow, AlertWebhookRow
from admin_api.api_keys.models import ApiKeyRow, KeyNoticeRow
from admin_api.audit.models import AuditEntryRow
from admin_api.bootstrap.models import BootstrapEntryRow
from admin_api.budgets.models import BudgetRow
from admin_api.catalog.models import ModelRow, PriceRow, RouteRow
from admin_api.database import ControlBase, outbox
from admin_api.declared.models import DeclaredModelRow
from admin_api.invitations.models import InvitationRow
from admin_api.memberships.models import MembershipRow
from admin_api.oidc.models import IdentityRow, SsoSessionRow
from admin_api.rate_limits.models import SettingRow
from admin_api.scim.models import (
    ScimGrantRow,
    ScimGroupMemberRow,
    ScimGroupRoleRow,
    ScimGroupRow,
    ScimTokenRow,
    ScimUserRow,
)
from admin_api.sessions.models import SessionRow
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow

METADATA = ControlBase.metadata

__all__ = [
    "METADATA",
    "AccessTokenRow",
    "AlertPolicyRow",
    "AlertTransportRow",
    "AlertWebhookRow",
    "ApiKeyRow",
    "AuditEntryRow",
    "BootstrapEntryRow",
    "BudgetRow",
    "DeclaredModelRow",
    "IdentityRow",
    "InvitationRow",
    "KeyNoticeRow",
    "MembershipRow",
    "ModelRow",
    "PriceRow",
    "RouteRow",
    "ScimGrantRow",
    "ScimGroupMemberRow",
    "ScimGroupRoleRow",
    "ScimGroupRow",
    "ScimTokenRow",
    "ScimUserRow",
    "SessionRow",
    "SettingRow",
    "SsoSessionRow",
    "TenantRow",
    "UserRow",
    "outbox",
]
