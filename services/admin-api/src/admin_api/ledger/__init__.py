"""The usage ledger: every call that reached a provider, once, and its hourly sums. Written by the worker, read by `usage`."""
