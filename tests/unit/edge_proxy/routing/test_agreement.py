"""Several replicas with one failed provider, in simulated time: who probes, and how soon all of them know."""

import heapq
from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from edge_proxy.routing.agreement import LONGER, take_over
from edge_proxy.routing.breaker import Breaker, BreakerOptions, Finding

OPTIONS = BreakerOptions()
NEWS_TAKES = 0.005


class World:
    """Replicas that tell each other, and a provider that fails each call after `answers_in` seconds until it is `back_at`."""

    def __init__(self, replicas: int, seed: int, *, back_at: float, answers_in: float) -> None:
        self.now = 0.0
        self.chance = Random(seed)
        self.breakers = [Breaker(OPTIONS, partial(self._tell, number)) for number in range(replicas)]
        self.at_once = self.most_at_once = self.probes = 0
        self._back_at = back_at
        self._answers_in = answers_in
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._later, (self.now + seconds, self._count, act))

    def run_until(self, moment: float, reached: Callable[[], bool] = lambda: False) -> None:
        while self._later and self._later[0][0] <= moment and not reached():
            self.now, _, act = heapq.heappop(self._later)
            act()

    def all_closed(self) -> bool:
        return all(breaker.state == "closed" for breaker in self.breakers)

    def call_every(self, replica: int, seconds: float) -> None:
        """Calls come at random, this far apart on average."""

        def call() -> None:
            self._call(self.breakers[replica])
            self.after(self.chance.expovariate(1 / seconds), call)

        self.after(self.chance.random() * seconds, call)

    def _call(self, breaker: Breaker) -> None:
        if not breaker.allows(self.now):
            return
        probe = breaker.sent(self.now)
        if probe:
            self.probes += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

        def end() -> None:
            self.at_once -= bool(probe)
            (breaker.succeeded if self.now >= self._back_at else breaker.failed)(self.now, probe)

        self.after(self._answers_in, end)

    def _tell(self, teller: int, finding: Finding, seconds: float) -> None:
        for number, breaker in enumerate(self.breakers):
            if number != teller:

                def hear(breaker: Breaker = breaker) -> None:
                    take_over(breaker, finding, seconds, now=self.now, chance=self.chance)

                self.after(NEWS_TAKES, hear)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("answers_in", [0.2, 4.0, 20.0])
def test_while_a_provider_is_down_one_replica_probes_for_all(seed: int, answers_in: float) -> None:
    replicas, hour = 6, 3600
    world = World(replicas, seed, back_at=float("inf"), answers_in=answers_in)
    for replica in range(replicas):
        world.call_every(replica, 0.1)
    world.run_until(60)
    assert all(breaker.state != "closed" for breaker in world.breakers)
    world.most_at_once = world.at_once
    world.probes = 0
    world.run_until(60 + hour)
    assert world.most_at_once <= 2, "two when a word comes too late"
    alone = hour / (OPTIONS.max_cool_down + answers_in)
    assert 0.6 * alone < world.probes < 1.2 * alone, "as often as one replica by itself"


@pytest.mark.parametrize("seed", range(8))
def test_when_the_provider_is_back_all_replicas_use_it_soon(seed: int) -> None:
    world = World(4, seed, back_at=100, answers_in=0.5)
    for replica in range(4):
        world.call_every(replica, 0.2)
    world.run_until(100)
    assert all(breaker.state != "closed" for breaker in world.breakers)

    world.run_until(300, world.all_closed)
    assert world.now <= 100 + OPTIONS.max_cool_down * LONGER[1] + 5


@pytest.mark.parametrize("seed", range(8))
def test_when_the_replica_that_noticed_has_no_more_calls_another_one_probes(seed: int) -> None:
    world = World(3, seed, back_at=6, answers_in=0.1)
    for _ in range(OPTIONS.failures):
        world.breakers[0].failed(0)
    world.run_until(1)
    world.call_every(1, 0.1)
    world.run_until(60, world.all_closed)
    assert OPTIONS.cool_down * LONGER[0] < world.now < OPTIONS.cool_down * LONGER[1] * 4
