"""API keys: the secrets with which a tenant's applications call the gateway."""
