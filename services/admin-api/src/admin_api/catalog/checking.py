"""Trying a route out: the provider is asked for its list of models, with the route's credential, under the rules of any address.

It costs nothing, and tells whether the address, the network, the certificate and the credential are right, and whether the provider
knows the model. The edge does not use what comes out.
"""

import time
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import select

from admin_api.audit.service import note
from admin_api.catalog.models import RouteRow
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions
from common.events.control import route_credential_purpose
from common.http.errors import NotFoundError
from common.http.outbound import OutboundClient, OutboundError
from common.outbound_url import UnsafeUrlError

_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 5_000_000
_UNAUTHENTICATED: Final = (401, 403)
_NO_LIST: Final = (404, 405, 501)


class _Model(msgspec.Struct, frozen=True):
    id: str


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model]


@dataclass(frozen=True, slots=True)
class Checked:
    """`reason` says what is wrong, null if nothing is. `knows_model` null: the provider has no list to tell by."""

    reason: str | None
    status_code: int | None
    latency_ms: int | None
    knows_model: bool | None


async def check_route(sessions: Sessions, route_id: str, *, sealer: Sealer, client: OutboundClient) -> Checked:
    """Raises `NotFoundError`. That the credential was used is in the audit log."""
    async with sessions.begin() as session:
        row = (await session.scalars(select(RouteRow).where(RouteRow.id == route_id))).first()
        if row is None:
            raise NotFoundError("There is no such route.")
        await note(session, "route.checked", resource_type="route", resource_id=row.id, after={"alias": row.alias})
    headers = {"accept": "application/json"}
    try:
        if row.credential is not None:
            credential = sealer.open(row.credential, purpose=route_credential_purpose(row.id))
            headers["authorization"] = f"Bearer {credential}"
        began = time.monotonic()
        url = row.base_url.rstrip("/") + "/models"
        answer = await client.call("GET", url, timeout=_TIMEOUT_S, most=_MOST_BYTES, headers=headers)
    except SealingError:
        return Checked("The credential cannot be opened: its encryption key is not configured.", None, None, None)
    except UnsafeUrlError as error:
        return Checked(f"The address is not called: {error}.", None, None, None)
    except OutboundError as error:
        return Checked(f"The provider does not answer: {error}.", None, None, None)
    latency_ms = int((time.monotonic() - began) * 1000)
    if answer.status in _UNAUTHENTICATED:
        return Checked("The provider refuses the credential.", answer.status, latency_ms, None)
    if answer.status in _NO_LIST:
        return Checked(None, answer.status, latency_ms, None)
    if not answer.is_success:
        return Checked(f"The provider answers {answer.status}.", answer.status, latency_ms, None)
    known = _models_in(answer.body)
    if known is not None and row.model not in known:
        return Checked(f"The provider has no model named {row.model}.", answer.status, latency_ms, False)
    return Checked(None, answer.status, latency_ms, None if known is None else True)


def _models_in(body: bytes) -> set[str] | None:
    try:
        return {model.id for model in msgspec.json.decode(body, type=_Models).data}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
