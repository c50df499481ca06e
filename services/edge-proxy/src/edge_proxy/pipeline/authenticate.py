"""Who is calling: the API key, looked up by its keyed hash in the snapshot; a miss asks the KV bucket once."""

import time

from common.crypto.api_keys import KeyHasher, is_api_key
from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Key, Tenant
from edge_proxy.errors import IncorrectApiKey, TenantSuspended


class Authenticator:
    def __init__(self, *, configuration: Configuration, key_hash_secret: bytes) -> None:
        self._configuration = configuration
        self._hasher = KeyHasher(key_hash_secret)

    async def authenticate(self, authorization: bytes | None) -> tuple[Key, Tenant]:
        """Raises `IncorrectApiKey`, `TenantSuspended`, or `Unavailable` while there is no configuration yet."""
        if authorization is None:
            raise IncorrectApiKey(
                "You didn't provide an API key. Provide it in the Authorization header: `Authorization: Bearer YOUR_KEY`."
            )
        scheme, _, secret = authorization.decode("latin-1").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not is_api_key(secret):
            raise IncorrectApiKey("Incorrect API key provided.")
        digest = self._hasher.hash(secret)
        snapshot = self._configuration.snapshot
        key = snapshot.keys.get(digest) or await self._configuration.look_up_key(digest)
        if key is None:
            raise IncorrectApiKey("Incorrect API key provided.")
        if key.expires_at and key.expires_at <= time.time():
            raise IncorrectApiKey("This API key has expired.", code="expired_api_key")
        tenant = snapshot.tenants.get(key.tenant_id) or await self._configuration.look_up_tenant(key.tenant_id)
        if tenant is None:
            raise IncorrectApiKey("Incorrect API key provided.")
        if not tenant.active:
            raise TenantSuspended("Your tenant is suspended. Please contact your administrator.")
        return key, tenant
