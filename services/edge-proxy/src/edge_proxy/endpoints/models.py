"""`GET /v1/models` and `GET /v1/models/{id}`: the aliases the caller's tenant may use, in OpenAI's shape.

A field more than OpenAI has: `capabilities`, with what is known of the model.
"""

from typing import Any

import msgspec

from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Alias
from edge_proxy.pipeline.authenticate import Authenticator
from edge_proxy.pipeline.authorize import KeyPolicy, authorize_model, may_use
from edge_proxy.server.client import Client


class Models(msgspec.Struct, frozen=True):
    configuration: Configuration
    authenticator: Authenticator
    key_policy: KeyPolicy

    async def handle(self, client: Client, model: str | None) -> None:
        """The list, or with `model` that one alias. Raises `EdgeError`."""
        key, tenant = await self.authenticator.authenticate(client.header(b"authorization"))
        self.key_policy.check(key, "models", client)
        snapshot = self.configuration.snapshot
        if model is not None:
            shown: Any = _shape(authorize_model(snapshot, key, tenant, model))
        else:
            allowed = (alias for name, alias in sorted(snapshot.aliases.items()) if may_use(key, tenant, name))
            shown = {"object": "list", "data": [_shape(alias) for alias in allowed]}
        client.reply(200, msgspec.json.encode(shown))


def _shape(alias: Alias) -> dict[str, object]:
    owner = alias.routes[0].provider.name
    return {
        "id": alias.name,
        "object": "model",
        "created": alias.created,
        "owned_by": owner,
        "capabilities": alias.capabilities,
    }
