"""When a failed provider's answer is believed, with the provider and the time in the test's hand."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Alias, Route
from edge_proxy.pricing.prices import RoutePrices
from edge_proxy.providers.registry import PROVIDERS
from edge_proxy.route_news.checks import HealthChecks
from edge_proxy.routing.breaker import BreakerOptions
from edge_proxy.routing.health import Healths
from edge_proxy.upstream.errors import ConnectFailed
from edge_proxy.upstream.transport import UpstreamRequest, UpstreamResponse

ROUTE = Route(
    id="rte_a",
    provider=PROVIDERS["openai"],
    model="m",
    model_json=b'"m"',
    base_url="http://provider/v1",
    headers=(("authorization", "Bearer sk"),),
    prices=RoutePrices.of({}, "p"),
)


class Provider:
    """A transport whose other end answers with `status`, or not at all when it is None."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.asked: list[UpstreamRequest] = []

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.status is None:
            raise ConnectFailed("refused")
        return cast(UpstreamResponse, SimpleNamespace(status=self.status, close=self.close))

    async def close(self) -> None:
        pass


class Stage:
    def __init__(self) -> None:
        self.now = 0.0
        self.provider = Provider()
        self.healths = Healths(BreakerOptions())
        self.breaker = self.healths.of(ROUTE.id).breaker
        snapshot: Any = SimpleNamespace(aliases={"alias": Alias("alias", 0, (ROUTE,))})
        self.checks = HealthChecks(
            transport=self.provider,
            healths=self.healths,
            configuration=cast(Configuration, SimpleNamespace(snapshot=snapshot)),
            now=lambda: self.now,
            every=1.0,
        )

    def open(self) -> None:
        for _ in range(5):
            self.breaker.failed(self.now)
        assert self.breaker.state == "open"

    def probe(self, outcome: Callable[[float, int], None]) -> None:
        assert self.breaker.allows(self.now)
        outcome(self.now, self.breaker.sent(self.now))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_only_a_route_that_is_open_is_asked_and_with_its_credential(stage: Stage) -> None:
    stage.healths.of("rte_gone").breaker.open_for(60, 0)
    await stage.checks.ask_all()
    assert stage.provider.asked == []
    stage.open()
    await stage.checks.ask_all()
    [request] = stage.provider.asked
    assert (request.method, request.url, request.body) == ("GET", "http://provider/v1/models", b"")
    assert request.headers == ROUTE.headers


async def test_an_answer_lets_the_next_call_probe_before_its_time(stage: Stage) -> None:
    stage.open()
    stage.now = 1
    assert not stage.breaker.allows(1)
    await stage.checks.ask_all()
    stage.probe(stage.breaker.succeeded)
    stage.probe(stage.breaker.succeeded)
    assert stage.breaker.state == "closed"


@pytest.mark.parametrize("status", [None, 302, 401, 404, 500])
async def test_anything_but_success_leaves_the_cool_down_as_it_is(stage: Stage, status: int | None) -> None:
    stage.open()
    stage.provider.status = status
    await stage.checks.ask_all()
    assert (stage.breaker.open_until, stage.breaker.allows(4.9)) == (5, False)


async def test_an_answer_that_did_not_show_the_failure_is_not_believed_until_it_has(stage: Stage) -> None:
    stage.open()
    await stage.checks.ask_all()
    stage.probe(stage.breaker.failed)
    await stage.checks.ask_all()
    assert not stage.breaker.allows(9.9), "calls fail although the list of models can be read"
    stage.provider.status = None
    await stage.checks.ask_all()
    stage.provider.status = 200
    await stage.checks.ask_all()
    assert stage.breaker.allows(0), "it has been seen to fail, and to work again"


async def test_after_the_breaker_has_closed_an_answer_counts_again(stage: Stage) -> None:
    stage.open()
    await stage.checks.ask_all()
    stage.probe(stage.breaker.failed)
    stage.breaker.closed_elsewhere()
    await stage.checks.ask_all()
    stage.open()
    await stage.checks.ask_all()
    assert stage.breaker.allows(0)
