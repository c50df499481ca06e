"""What edge-proxy works from: one KV record per key, tenant, alias and setting, made from the tables and kept equal to them.

Every change of one of these follows the same three steps in its transaction: `records.hold` the record, change
the tables, `records.emit` the record into the outbox. After the commit, `Propagation.wait` returns once NATS has accepted it.
`Keeper` repairs the buckets when they are found to differ.
"""
