"""Which route serves a call. `candidates`, `breaker`, `health` and `retry` are pure choice and rules, without I/O.

What is learnt about a route goes further than the call: `sharing` tells the other replicas, `facts` the other services, and
`checks` asks a provider that failed whether it answers again.
"""
