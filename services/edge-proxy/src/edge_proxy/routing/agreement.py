"""What a replica makes of what another one found out about a route. Pure.

Whoever noticed probes when the cool-down has passed. The others wait longer, each by another share of it, and longer still when
they hear that a probe is on its way; so as a rule one replica probes, and another does when that one has no calls or is gone. Two
at once are possible (news takes its time) and do no harm.
"""

from random import Random
from typing import Final

from edge_proxy.routing.breaker import Breaker, Finding

LONGER: Final = (1.1, 1.5)
"""By how much the others wait longer than the replica that noticed."""


def take_over(breaker: Breaker, finding: Finding, seconds: float, *, now: float, chance: Random) -> None:
    """`seconds`: the cool-down, as the other replica told."""
    wait = seconds * chance.uniform(*LONGER)
    if finding == "closed":
        breaker.closed_elsewhere()
    elif finding == "probing":
        breaker.probed_elsewhere(wait, now)
    else:
        breaker.open_for(wait, now, cool_down=seconds)
