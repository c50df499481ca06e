"""`GET /v1/models` and `GET /v1/models/{id}`: the aliases the caller's tenant may use, in OpenAI's shape."""

from typing import Any

import msgspec

from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Alias
from edge_proxy.pipeline.authenticate import Authenticator
from edge_proxy.pipeline.authorize import authorize_model
from edge_proxy.server.client import Client


class Models(msgspec.Struct, frozen=True):
    configuration: Configuration
    authenticator: Authenticator

    async def handle(self, client: Client, model: str | None) -> None:
        """The list, or with `model` that one alias. Raises `EdgeError`."""
        _, tenant = await self.authenticator.authenticate(client.header(b"authorization"))
        snapshot = self.configuration.snapshot
        if model is not None:
            shown: Any = _shape(authorize_model(snapshot, tenant, model))
        else:
            allowed = (alias for name, alias in sorted(snapshot.aliases.items()) if tenant.may_use(name))
            shown = {"object": "list", "data": [_shape(alias) for alias in allowed]}
        client.reply(200, msgspec.json.encode(shown))


def _shape(alias: Alias) -> dict[str, object]:
    owner = alias.routes[0].provider.name
    return {"id": alias.name, "object": "model", "created": alias.created, "owned_by": owner}
