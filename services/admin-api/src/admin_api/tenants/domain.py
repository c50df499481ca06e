"""Rules of tenants."""

from typing import Final

TENANT_PREFIX: Final = "tnt"
MAX_MODELS: Final = 500
"""Of an allow-list: the tenant's whole policy is one record that every edge replica keeps in memory."""
