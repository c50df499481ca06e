"""A browser that signs in with an identity provider."""

from typing import Any

import httpx
from tests.servers.oidc import OpenIdProvider

CALLBACK = "http://admin.test/admin/auth/oidc/callback"


async def away(client: httpx.AsyncClient, return_to: str | None = None, provider: str = "sso") -> str:
    """To the provider: its address."""
    params = {} if return_to is None else {"return_to": return_to}
    reply = await client.get(f"/admin/auth/oidc/{provider}/start", params=params)
    assert reply.status_code == 302, reply.text
    return reply.headers["location"]


async def sign_on(admin: Any, idp: OpenIdProvider, *, return_to: str | None = None) -> tuple[Any, str]:
    """A browser that goes there and comes back, and where it ends up."""
    client = await admin.client()
    reply = await client.get(idp.authorize(await away(client, return_to)))
    assert reply.status_code == 303
    return client, reply.headers["location"]


async def who(client: Any) -> dict[str, Any] | None:
    reply = await client.get("/admin/auth/session")
    return reply.json()["user"] if reply.status_code == 200 else None
