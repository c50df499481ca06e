"""NATS: the connection, JetStream streams, KV buckets, and the pull consumer."""
