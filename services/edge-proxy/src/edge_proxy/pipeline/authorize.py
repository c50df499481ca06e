"""What the caller may use: the alias must exist and be granted to the tenant."""

from edge_proxy.control.snapshot import Alias, Snapshot, Tenant
from edge_proxy.errors import ModelNotFound


def authorize_model(snapshot: Snapshot, tenant: Tenant, model: str) -> Alias:
    """Raises `ModelNotFound`, the same for a model that is not there and one that is not granted."""
    alias = snapshot.aliases.get(model)
    if alias is None or not tenant.may_use(model):
        raise ModelNotFound(model)
    return alias
