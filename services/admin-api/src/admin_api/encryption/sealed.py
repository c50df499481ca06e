"""Every place of the control plane where something is sealed. A new one is added here, or it is left behind by a rotation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import InstrumentedAttribute

from admin_api.alerts.models import AlertTransportRow, AlertWebhookRow
from admin_api.catalog.models import RouteRow
from admin_api.oidc.models import SsoSessionRow
from admin_api.oidc.service import refresh_purpose
from common.events.alerts import SMTP_PASSWORD_PURPOSE, TRANSPORT_KEY, webhook_secret_purpose
from common.events.control import route_credential_purpose
from common.events.subjects import ALERTS_BUCKET, CATALOG_BUCKET, catalog_key


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column with sealed texts. `purpose` is what a row's is sealed for; `record` is the bucket and key of the configuration
    record that repeats it, if one does."""

    name: str
    key: InstrumentedAttribute[str]
    column: InstrumentedAttribute[Any]
    purpose: Callable[[Any], str]
    record: Callable[[Any], tuple[str, str]] | None


PLACES: Final = (
    Sealed(
        "route credentials",
        RouteRow.id,
        RouteRow.credential,
        lambda row: route_credential_purpose(row.id),
        lambda row: (CATALOG_BUCKET, catalog_key(row.alias)),
    ),
    Sealed(
        "webhook secrets",
        AlertWebhookRow.id,
        AlertWebhookRow.secret,
        lambda row: webhook_secret_purpose(row.id),
        lambda row: (ALERTS_BUCKET, row.policy_id),
    ),
    Sealed(
        "mail passwords",
        AlertTransportRow.id,
        AlertTransportRow.smtp_password,
        lambda _row: SMTP_PASSWORD_PURPOSE,
        lambda _row: (ALERTS_BUCKET, TRANSPORT_KEY),
    ),
    Sealed(
        "refresh tokens",
        SsoSessionRow.session_id,
        SsoSessionRow.refresh_token,
        lambda row: refresh_purpose(row.session_id),
        None,
    ),
)
