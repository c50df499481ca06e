"""edge-proxy: the data plane. It authenticates, routes, forwards and accounts every call to a model provider.

There is no Postgres in this process. It works from an in-memory snapshot of the configuration that NATS KV keeps current.
"""
