"""`omg demo-data`: made-up calls, sent to the running stack the way real ones go, so that the dashboard has something to show.

What the calls look like is in `demo_calls`.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

import msgspec
import nats
from nats.errors import Error as NatsError

from common.events.subjects import USAGE_RECORDED
from common.events.usage import UsageEnvelope
from devstack.admin_client import AdminApiError, AdminClient
from devstack.commands import ADMIN_EMAIL, DEMO_TENANT
from devstack.data_folder import DataFolder, DataFolderError
from devstack.demo_calls import APPLICATIONS, demo_calls
from devstack.errors import DevstackError
from devstack.secrets_file import Secrets, load_or_create
from devstack.servers import NatsServer
from devstack.services import portal_url

_BATCH: Final = 200
_LEDGER_SECONDS: Final = 60.0


async def send_demo_data(
    data: DataFolder,
    *,
    days: int,
    environment: Mapping[str, str],
    admin_password: str | None,
    say: Callable[[str], None],
) -> None:
    """Send the calls of the last `days` days, and wait until the ledger holds them. Sending them again changes nothing.

    Raises `DevstackError` when the stack of this data folder does not run.
    """
    if not data.secrets.exists() or not data.ports.exists():
        raise DataFolderError(f"{data.path} is not the data folder of a running stack; start one with `omg up`")
    secrets = load_or_create(data.secrets)
    ports: dict[str, int] = json.loads(data.ports.read_text())
    client = await asyncio.to_thread(_log_in, portal_url(ports), secrets, admin_password)
    tenant_id, key_ids = await asyncio.to_thread(_tenant_and_keys, client, say)

    end = datetime.now(UTC)
    calls = list(demo_calls(tenant_id=tenant_id, key_ids=key_ids, start=end - timedelta(days=days), end=end))
    nats_url = (
        environment.get("NATS_URL", "").strip()
        or NatsServer(data.nats, port=ports["nats"], password=secrets.nats_password).url
    )
    await _publish(nats_url, calls)
    say(f"sent {len(calls)} calls of the last {days} days")
    await asyncio.to_thread(_wait_for_ledger, client, tenant_id, len(calls), say)


def _log_in(url: str, secrets: Secrets, password: str | None) -> AdminClient:
    try:
        return AdminClient.log_in(url, email=ADMIN_EMAIL, password=password or secrets.admin_password)
    except AdminApiError as error:
        if " 401 " in str(error):
            raise AdminApiError(
                f"{ADMIN_EMAIL} cannot log in; a changed password can be given as OMG_ADMIN_PASSWORD"
            ) from None
        raise


def _tenant_and_keys(client: AdminClient, say: Callable[[str], None]) -> tuple[str, list[str]]:
    """The demo tenant, and a key for each application, made when absent; nobody learns its secret, so nobody can use it."""
    tenants = [
        tenant["id"] for tenant in client.get("/admin/tenants?limit=100")["data"] if tenant["name"] == DEMO_TENANT
    ]
    if not tenants:
        raise AdminApiError(f"there is no tenant {DEMO_TENANT} any more")
    path = f"/admin/tenants/{tenants[0]}/api-keys"
    present = {key["name"]: key["id"] for key in client.get(f"{path}?limit=100")["data"]}
    for application in APPLICATIONS:
        if application.key_name not in present:
            present[application.key_name] = client.post(path, {"name": application.key_name})["id"]
            say(f"made an API key {application.key_name!r}")
    return tenants[0], [present[application.key_name] for application in APPLICATIONS]


async def _publish(url: str, calls: Sequence[UsageEnvelope]) -> None:
    """As the edge does: arrays of events, each acknowledged, under an id of its contents."""
    try:
        connection = await nats.connect(url, name="demo-data", connect_timeout=5, allow_reconnect=False)
        try:
            stream = connection.jetstream(timeout=10)
            for start in range(0, len(calls), _BATCH):
                payload = msgspec.json.encode(calls[start : start + _BATCH])
                message_id = blake2b(payload, digest_size=16).hexdigest()
                await stream.publish(USAGE_RECORDED, payload, headers={"Nats-Msg-Id": message_id})
        finally:
            await connection.close()
    except (NatsError, OSError, TimeoutError) as error:
        raise DevstackError(f"NATS did not take the calls: {error or type(error).__name__}") from error


def _wait_for_ledger(client: AdminClient, tenant_id: str, wanted: int, say: Callable[[str], None]) -> None:
    """Until the dashboard's own numbers hold at least the calls we sent."""
    deadline = time.monotonic() + _LEDGER_SECONDS
    while time.monotonic() < deadline:
        totals = client.get(f"/admin/usage/summary?period=30d&tenant_id={tenant_id}")["totals"]
        if totals["requests"] >= wanted:
            dollars = int(totals["cost_nano_usd"]) // 10_000_000
            say(f"the ledger has them: {totals['requests']} calls, ${dollars / 100:.2f}, in 30 days")
            return
        time.sleep(0.3)
    raise DevstackError(
        f"the ledger has not entered the calls after {_LEDGER_SECONDS:g} s; see the log of admin-api-worker"
    )
