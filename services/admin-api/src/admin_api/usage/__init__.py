"""Usage as people look at it: sums over time, by model, tenant or key, and the list of calls. It reads the ledger, never writes."""
