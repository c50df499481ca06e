"""The configuration the edge works from: an immutable snapshot, kept current from NATS KV and kept on disk for a cold start."""
