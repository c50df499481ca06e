"""Which route serves a call: pure choice, no I/O."""
