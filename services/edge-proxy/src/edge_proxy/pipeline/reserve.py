"""A call's place in its limits: taken before anything is sent, settled when it is known what it used."""

import math
from collections.abc import Iterable
from typing import Final

import msgspec
from prometheus_client import Counter

from edge_proxy.control.configuration import Configuration
from edge_proxy.limits.claims import Granted, LimitKind, RateLimited, Refused, Room
from edge_proxy.limits.estimate import TokenEstimate
from edge_proxy.limits.limiter import Limiter
from edge_proxy.limits.rules import LimitRules
from edge_proxy.pipeline.call import Call
from edge_proxy.server.client import Client, Headers

_refusals: Final = Counter("omg_edge_limit_refusals_total", "Calls refused by a limit.", ["level", "kind"])
_HEADERS: Final[tuple[LimitKind, ...]] = ("requests", "tokens")
_WHAT: Final = {"requests": "requests per minute", "tokens": "tokens per minute", "parallel": "requests at once"}


class Reserve(msgspec.Struct, frozen=True):
    """What it takes to reserve."""

    configuration: Configuration
    limiter: Limiter
    rules: LimitRules
    estimate: TokenEstimate

    async def take(self, call: Call, client: Client) -> None:
        """Reserve, and tell the client how its limits stand. Raises `RateLimited`, `LimitsUnavailable`."""
        limits = self.rules.of(call.key, call.tenant, self.configuration.snapshot.limit_defaults, call.alias.name)
        if not limits:
            return
        request = call.request
        tokens = self.estimate.of(call.alias.name, body_size=request.body_size, max_output=request.max_output)
        found = await self.limiter.reserve(call.id, limits, tokens=tokens)
        for name, value in _headers(found.rooms):
            client.add_header(name, value)
        if isinstance(found, Refused):
            raise _refusal(found)
        call.granted = found

    def give_back(self, call: Call) -> None:
        """The call never reached a provider."""
        if call.granted is not None:
            self.limiter.settle(call.granted, tokens=None)

    def settle(self, call: Call) -> None:
        granted: Granted | None = call.granted
        if granted is None:
            return
        self.limiter.settle(granted, tokens=call.tokens.input + call.tokens.output)
        if call.status == "succeeded":
            self.estimate.learn(call.alias.name, output=call.tokens.output, max_output=call.request.max_output)


def _refusal(refused: Refused) -> RateLimited:
    limit = refused.limit
    level = limit.name.partition(":")[0]
    _refusals.labels(level, limit.kind).inc()
    error = RateLimited(
        f"Rate limit reached for {_WHAT[limit.kind]} of this {level}: {limit.limit}."
        f" Please try again in {refused.retry_after_s:.3g}s."
    )
    error.headers += [
        (b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after_s))),
        (b"retry-after-ms", b"%d" % math.ceil(refused.retry_after_s * 1000)),
    ]
    return error


def _headers(rooms: Iterable[Room]) -> Headers:
    """As OpenAI's, of the limit with the least room."""
    headers: Headers = []
    for kind in _HEADERS:
        of_kind = [room for room in rooms if room.limit.kind == kind]
        if of_kind:
            room = min(of_kind, key=lambda each: each.remaining)
            name = kind.encode()
            headers += [
                (b"x-ratelimit-limit-" + name, b"%d" % room.limit.limit),
                (b"x-ratelimit-remaining-" + name, b"%d" % room.remaining),
                (b"x-ratelimit-reset-" + name, _duration(room.reset_s)),
            ]
    return headers


def _duration(seconds: float) -> bytes:
    """`6m0s`, `1.5s`, `20ms`."""
    if seconds < 1:
        return b"%dms" % math.ceil(seconds * 1000)
    minutes, rest = divmod(seconds, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}m{text}s".encode() if minutes else f"{text}s".encode()
