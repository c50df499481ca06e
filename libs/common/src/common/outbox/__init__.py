"""The transactional outbox: what a service tells the others is written with its change, and put on NATS by a relay.

`table` holds the table and the ways to add to it, `relay` the task that empties it.
"""
