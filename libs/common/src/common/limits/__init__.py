"""Limits and budgets in Redis: names of keys, and the scripts that are the only ones to touch them.

    keys      what the keys are called
    windows   requests and tokens per minute, Lua
    budgets   money reserved and settled, Lua
    scripts   the scripts made of these: reserve, settle, renew, confirm
    confirm   what the ledger's worker calls once it has committed calls

edge-proxy reserves, settles and renews; the ledger's worker confirms. Redis holds nothing that cannot be lost: windows are a
minute long, leases are renewed, and what a budget has spent is in the ledger.

Redis must not evict (`maxmemory-policy noeviction`): a counter that is gone is a limit that begins anew.
"""
