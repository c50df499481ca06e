"""Rate limits: of the installation (defaults), of a tenant, and of an API key. Counted and enforced by edge-proxy."""
