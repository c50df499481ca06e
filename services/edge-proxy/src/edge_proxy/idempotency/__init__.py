"""`Idempotency-Key`: a call that is sent again is answered with the first call's answer, and costs nothing.

    scope      what makes two calls the same one                              pure
    keeping    which answers are kept, and which of their headers              pure
    sealing    names and contents in Redis: keyed hashes and ciphertext        pure
    link       Redis: connections, scripts, and the news that it is away
    first      the call that runs, and writes its answer down as it sends it
    unfinished what is left to be done when a call is over
    replay     a call that is given the first one's answer, live or later
    store      the door: `claim` makes a call the one or the other
    errors     what a client can be told

The pipeline uses it between *authorize* and *reserve*, for calls that carry the header; others do not come here:

    async with store.claim(scope, body) as claim:
        if isinstance(claim, Replay):                       # no limits, no provider, no ledger
            if not claim.streamed:
                client.reply(claim.status, await claim.body(), *claim.headers, content_type=claim.content_type)
            else:
                async for piece in claim.pieces(): …        # its errors: client.error
        else:                                               # First
            … reserve, attempt …
            await claim.record(200, headers, body)          # a whole reply, before it is sent; or, for a stream,
            claim.begin(200, headers); claim.piece(data); await claim.end()

Leaving the block without `record` or `end`, by an exception or not, lets the key go: the next call with it runs. So nothing that
was refused before a provider was reached is kept, and neither is a failure that a client is meant to try again (`keeping`).

A First whose client goes away should run to its end: the client that comes back with the same key is what all this is for.
A duplicate that waits can be cancelled at any time.

What is promised: of calls with one key, tenant, API key and path, one at a time is let through to a provider, and after one has
been answered none, for `ttl`. What is not: a First that loses its lease (its edge hangs or is cut off from Redis for longer than
that) keeps running beside its successor; an answer that could not be written down, because Redis was away for longer than that,
is not there to replay. Both are counted (`omg_edge_idempotency_lost_total`). A Redis that loses its data forgets its keys.
"""
