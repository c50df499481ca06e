"""The counts of all replicas, in Redis. Calls of one tick of the event loop share a round trip; settling goes along.

Failure policy: a round trip that fails or takes longer than a quarter of a second raises `LimitStoreUnavailable` for the calls that
waited for it. What was to be settled is lost then: windows forget it by themselves within a minute, and leases run out.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from edge_proxy.limits.claims import Granted, Limit, LimitStoreUnavailable, Refused, Room
from edge_proxy.limits.scripts import RENEW, RESERVE, SETTLE, Script

_PREFIX: Final = "{omg}:limit:"
"""One hash tag: a script's keys must lie together should Redis be a cluster."""
_KINDS: Final = {"requests": "r", "tokens": "t", "parallel": "p"}
_TIMEOUT_S: Final = 0.25
_MAX_WAITING: Final = 10_000
_round_trips: Final = Counter("omg_edge_limit_round_trips_total", "Round trips to Redis for limits.")
_errors: Final = Counter("omg_edge_limit_store_errors_total", "Round trips to Redis for limits that failed.")
_dropped: Final = Counter("omg_edge_limit_settles_lost_total", "Calls whose use could not be settled in Redis.")


class _Order(msgspec.Struct):
    """A script to run; `answer` is None where nobody waits for it."""

    script: Script
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any] | None


class RedisLimits:
    """It is made inside the running loop. `clock` gives ms for tests; 0, as by default, leaves the time to Redis."""

    def __init__(self, url: str) -> None:
        # No socket timeout: redis-py would set a timer for each write, and swallow cancellations.
        self._redis: Redis = Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=None)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Order] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """What is still to be settled is sent."""
        while self._sending:
            await asyncio.wait(self._sending)
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raises `LimitStoreUnavailable`."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise LimitStoreUnavailable(repr(error)) from error

    async def reserve(self, call_id: str, limits: Sequence[Limit], *, tokens: int, now: int = 0) -> Granted | Refused:
        """Raises `LimitStoreUnavailable`."""
        arguments: list[Any] = [len(limits), *(_PREFIX + limit.name for limit in limits), now, call_id]
        for limit in limits:
            arguments += (_KINDS[limit.kind], limit.limit, tokens if limit.kind == "tokens" else 1)
        answer: asyncio.Future[list[int]] = self._loop.create_future()
        self._order(_Order(RESERVE, tuple(arguments), answer))
        refused, piece, wait, *rooms = await answer
        found = tuple(
            Room(limit, rooms[2 * number], rooms[2 * number + 1] / 1000) for number, limit in enumerate(limits)
        )
        if refused:
            return Refused(limits[refused - 1], wait / 1000, found)
        return Granted(call_id, tuple(limits), tokens, piece, found)

    def settle(self, granted: Granted, *, tokens: int | None, now: int = 0) -> None:
        """The call used so many tokens; None: it never reached a provider, and all is given back. Returns at once."""
        changes: list[tuple[str, str, int]] = []
        for limit in granted.limits:
            if limit.kind == "parallel":
                changes.append((limit.name, "p", 0))
            elif limit.kind == "tokens" and (tokens or 0) != granted.tokens:
                changes.append((limit.name, "t", (tokens or 0) - granted.tokens))
            elif limit.kind == "requests" and tokens is None:
                changes.append((limit.name, "r", -1))
        if not changes:
            return
        if len(self._waiting) >= _MAX_WAITING:
            _dropped.inc()
            return
        arguments: list[Any] = [len(changes), *(_PREFIX + name for name, _, _ in changes)]
        arguments += (now, granted.call_id, granted.piece)
        for _, kind, excess in changes:
            arguments += (kind, excess)
        self._order(_Order(SETTLE, tuple(arguments), None))

    def renew(self, granted: Sequence[Granted], *, now: int = 0) -> None:
        """Calls that go on keep their places."""
        leases = [(each.call_id, limit) for each in granted for limit in each.limits if limit.kind == "parallel"]
        if leases:
            names = (_PREFIX + limit.name for _, limit in leases)
            self._order(_Order(RENEW, (len(leases), *names, now, *(call_id for call_id, _ in leases)), None))

    def _order(self, order: _Order) -> None:
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(order)

    def _send(self) -> None:
        orders, self._waiting = self._waiting, []
        task = self._loop.create_task(self._run(orders))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _run(self, orders: list[_Order]) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                replies = await self._execute(orders)
                if any(isinstance(reply, NoScriptError) for reply in replies):
                    replies = await self._execute(orders, load=True)
        except (RedisError, OSError, TimeoutError) as error:
            _errors.inc()
            self._give_up(orders, repr(error))
            return
        for order, reply in zip(orders, replies, strict=True):
            if isinstance(reply, Exception):
                self._give_up([order], repr(reply))
            elif order.answer is not None and not order.answer.done():
                order.answer.set_result(reply)

    async def _execute(self, orders: list[_Order], *, load: bool = False) -> list[Any]:
        """The replies, errors among them. A script that Redis lacks fails before it has done anything: all are sent again."""
        _round_trips.inc()
        pipeline = self._redis.pipeline(transaction=False)
        if load:
            for script in (RESERVE, SETTLE, RENEW):
                pipeline.script_load(script.text)
        for order in orders:
            pipeline.execute_command("EVALSHA", order.script.sha, *order.arguments)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies[3:] if load else replies

    def _give_up(self, orders: list[_Order], reason: str) -> None:
        for order in orders:
            if order.answer is None:
                _dropped.inc()
            elif not order.answer.done():
                order.answer.set_exception(LimitStoreUnavailable(reason))
