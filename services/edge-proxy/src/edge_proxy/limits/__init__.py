"""Rate limits: requests and tokens per minute, and calls at once, exact over any number of replicas.

    claims    what a call asks of its limits, and what it is told               pure
    rules     from the policies of key and tenant to the claims of a call       pure
    estimate  how many tokens to reserve before they are known                  pure
    local     the rules in plain Python: one process's share, and the model the scripts are tested against
    scripts   the same rules in Lua, all claims of a call at once
    store     the scripts on Redis; calls of one tick of the event loop share a round trip
    limiter   the one the pipeline knows: Redis, or what the policy says while it is away

The window slides: it is 60 seconds long, counted in pieces of half a second, and a piece that lies only partly within still
counts. So no 60 seconds, wherever they begin, see more than the limit. The worst burst is the limit at once, then nothing until
that has left the window; a steady caller gets 60/60.5, or 99.2 %, of it.
"""
