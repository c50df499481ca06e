"""Names of the keys in Redis.

omg:{omg}:limit:<claim>                  hash (window of requests or tokens) or sorted set (leases of parallel calls)
omg:{omg}:budget:<id>:<period>           hash: what is confirmed, settled, reserved, and an entry for each open call
omg:{omg}:budget:<id>:<period>:leases    sorted set: open call -> when its entry is dropped

The hash tag is the same in all of them: one script touches a tenant's, a key's and an installation's counters in one step, so in
a cluster all must live in one slot, on one node.
"""

from typing import Final

_PREFIX: Final = "omg:{omg}:"


def limit_key(claim: str) -> str:
    """`claim`: the name of a limit, such as `tenant:tnt_1:requests`."""
    return f"{_PREFIX}limit:{claim}"


def budget_keys(budget_id: str, period: str) -> tuple[str, str]:
    """The hash and the leases. `period`: when it began, an ISO date-time."""
    name = f"{_PREFIX}budget:{budget_id}:{period}"
    return name, f"{name}:leases"
