"""Rate limits and budgets in one step: may this call go on, and what did it take in the end.

    port       what a caller sees: claims, what became of them, `LimitStore`
    rules      policies of a tenant and a key -> the claims of a call         pure
    budgets    the budgets that a call counts against, in their periods       pure
    estimate   tokens and money to reserve before they are known              pure
    redis      the store: one script reserves all claims of the calls that come in together
    asking     those calls, and how each gets its part of the reply
    commands   what is said to Redis, as bytes                                pure
    link       the connection, shared by all calls of a process
    resp       as much of Redis' protocol as that takes                       pure
    settling   how a call's end is told to Redis, and told again
    local      the same rules in this process: for when Redis is away
    fallback   the one or the other

    outcome = await store.reserve(call_id, claims, budgets)
    if isinstance(outcome, Refused): …                      # 429 or 402, with outcome.states
    …                                                       # the call; `store.run()` keeps its leases alive
    store.settle(outcome.reservation, tokens=…, cost=…)     # or .cancel, if it reached no provider

A call's estimate is reserved in one step across all of its limits and budgets, so calls that come in at the same time on any
number of replicas cannot pass together. What is refused consumes nothing. A call that took more tokens than its estimate can
bring a window above its limit by that excess, which then counts like all else.
"""
