"""What the caller may do: a surface in the key's scope, an address in its networks, a model granted to key and tenant."""

import ipaddress
from collections.abc import Collection, Iterable
from typing import Final

from edge_proxy.control.snapshot import Alias, Key, Network, Snapshot, Tenant
from edge_proxy.errors import ModelNotFound, NotPermitted
from edge_proxy.server.client import Client

_FORWARDED_FOR: Final = b"x-forwarded-for"


class KeyPolicy:
    """`trusted_proxies`: whose word about the client's address is taken (`X-Forwarded-For`)."""

    def __init__(self, *, trusted_proxies: Collection[Network]) -> None:
        self._trusted = tuple(trusted_proxies)

    def check(self, key: Key, surface: str, client: Client) -> None:
        """Raises `NotPermitted`."""
        if key.scopes is not None and surface not in key.scopes:
            raise NotPermitted(f"This API key may not be used for {surface}.", code="scope_not_allowed")
        if key.networks and not self._is_within(client, key.networks):
            raise NotPermitted("This API key may not be used from your address.", code="address_not_allowed")

    def _is_within(self, client: Client, networks: Iterable[Network]) -> bool:
        address = _read(client.peer)
        # The last hop is the surest: each proxy that we trust vouches for the one before it.
        for hop in reversed((client.header(_FORWARDED_FOR) or b"").decode("latin-1").split(",")):
            if address is None or not any(address in network for network in self._trusted):
                break
            address = _read(hop)
        return address is not None and any(address in network for network in networks)


def authorize_model(snapshot: Snapshot, key: Key, tenant: Tenant, model: str) -> Alias:
    """Raises `ModelNotFound`, the same for a model that is not there and one that is not granted."""
    alias = snapshot.aliases.get(model)
    if alias is None or not may_use(key, tenant, model):
        raise ModelNotFound(model)
    return alias


def may_use(key: Key, tenant: Tenant, model: str) -> bool:
    return (tenant.models is None or model in tenant.models) and (key.models is None or model in key.models)


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    # A listener for both families sees ::ffff:192.0.2.1 where the network is written 192.0.2.0/24.
    return (address.version == 6 and address.ipv4_mapped) or address
