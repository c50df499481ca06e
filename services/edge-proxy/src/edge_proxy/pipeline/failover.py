"""From one try to the next: which route serves a call, what a failure teaches about it, and who is tried after it.

Nothing is tried again once a byte has gone to the client, or when the request itself was at fault.
"""

import asyncio
from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import Final

import msgspec
from prometheus_client import Counter

from edge_proxy.control.configuration import Configuration
from edge_proxy.control.snapshot import Alias, Route
from edge_proxy.errors import NoRouteAvailable, ProviderError
from edge_proxy.pipeline.attempt import Attempt
from edge_proxy.pipeline.authorize import may_use
from edge_proxy.pipeline.call import Call
from edge_proxy.recording.recorder import Recorder
from edge_proxy.routing.breaker import Probe
from edge_proxy.routing.candidates import choose_route
from edge_proxy.routing.errors import OperationUnsupported
from edge_proxy.routing.health import Healths, RouteHealth
from edge_proxy.routing.retry import RetryOptions, consequence, pause_before
from edge_proxy.server.client import Client

_retries: Final = Counter("omg_edge_retries_total", "Tries after a failed one, by what had failed.", ["kind"])


class Failover(msgspec.Struct, frozen=True):
    """What it takes to try more than once."""

    attempt: Attempt
    configuration: Configuration
    healths: Healths
    options: RetryOptions
    recorder: Recorder
    chance: Random

    def choose(self, call: Call) -> None:
        """The route of the first try. Raises `OperationUnsupported`, `NoRouteAvailable`."""
        call.total_at = self._now() + self.attempt.watch.limits.total
        route = self._untried(call, call.alias, ())
        if route is None:
            route = next(self._elsewhere(call, "general", ()), None)
        if route is None:
            able = self._able(call)
            if not able:
                raise OperationUnsupported(call.operation, model=call.alias.name)
            known = min(self.healths.of(each.id).available_at() for each in able)
            raise NoRouteAvailable(retry_after=known - self._now())
        call.route = route

    async def run(self, call: Call, client: Client) -> bytes | None:
        """The reply's body, or None when it was streamed. Raises the last try's `ProviderError`; `ClientGone`."""
        tried: list[str] = []
        while True:
            call.tries += 1
            call.first_byte = None
            health, began = self.healths.of(call.route.id), perf_counter()
            probe = health.began(self._now())
            try:
                body = await self.attempt.run(call, client)
            except ProviderError as error:
                self._learn(health, probe, error)
                tried.append(call.route.id)
                route = None if client.started else await self._next(call, error, tried)
                if route is None:
                    raise
                call.route = route
                self.recorder.rerouted(call)
                _retries.labels(kind=error.kind).inc()
            except BaseException:
                health.let_go(probe)
                raise
            else:
                health.succeeded(self._now(), probe, (call.first_byte or began) - began)
                return body

    def _learn(self, health: RouteHealth, probe: Probe, error: ProviderError) -> None:
        now = self._now()
        if error.kind == "rate_limited":
            health.held(now, probe, error.retry_after or self.options.hold)
        elif consequence(error.kind).blames:
            health.failed(now, probe, error.kind)
        else:
            health.let_go(probe)

    async def _next(self, call: Call, error: ProviderError, tried: list[str]) -> Route | None:
        """After a failure: another route of the alias, then those of its fallbacks, then, after a pause, the same ones again."""
        then = consequence(error.kind)
        if call.tries >= self.options.tries:
            return None
        route = self._untried(call, call.alias, tried) if then.again else None
        if route is None and then.fallbacks != "none":
            route = next(self._elsewhere(call, then.fallbacks, tried), None)
        if route is not None or not then.again:
            return route
        pause = self._pause(call, error)
        if pause is None or self._now() + pause >= call.total_at:
            return None
        await asyncio.sleep(pause)
        return self._untried(call, call.alias, ())

    def _pause(self, call: Call, error: ProviderError) -> float | None:
        """None when the provider wants a longer one than a client would wait for."""
        if error.kind != "rate_limited":
            return pause_before(call.tries, self.options, self.chance)
        if error.retry_after is None or error.retry_after > self.options.max_retry_after:
            return None
        return error.retry_after

    def _untried(self, call: Call, alias: Alias, tried: list[str] | tuple[()]) -> Route | None:
        return choose_route(
            alias,
            self.healths,
            tried=tried,
            sticky=call.request.sticky if len(alias.routes) > 1 else None,
            now=self._now(),
            chance=self.chance,
            operation=call.operation,
        )

    def _elsewhere(self, call: Call, reason: str, tried: list[str] | tuple[()]) -> Iterator[Route]:
        """Routes of the fallback aliases, one of each."""
        for alias in self._fallbacks(call, reason):
            route = self._untried(call, alias, tried)
            if route is not None:
                yield route

    def _fallbacks(self, call: Call, reason: str) -> Iterator[Alias]:
        """Those that the caller may use."""
        for name in call.alias.fallbacks.get(reason, ()):
            alias = self.configuration.snapshot.aliases.get(name)
            if alias is not None and may_use(call.key, call.tenant, name):
                yield alias

    def _able(self, call: Call) -> list[Route]:
        """Every route that could serve the call if it were available."""
        aliases = (call.alias, *self._fallbacks(call, "general"))
        return [route for alias in aliases for route in alias.routes if call.operation in route.operations]

    def _now(self) -> float:
        return self.attempt.watch.loop.time()
