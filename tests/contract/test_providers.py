"""admin-api lets a route name the providers, and their operations, that edge-proxy has adapters for."""

from admin_api.catalog.providers import PROVIDERS as KINDS
from edge_proxy.providers.registry import PROVIDERS as ADAPTERS


def test_the_catalog_offers_what_the_edge_can_do() -> None:
    offered = {name: frozenset(kind.operations) for name, kind in KINDS.items()}
    assert offered == {name: adapter.operations for name, adapter in ADAPTERS.items()}
