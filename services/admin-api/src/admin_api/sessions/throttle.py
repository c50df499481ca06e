"""The throttle of signing in: attempts per account and per client address within a window. The counters are in Redis.

An attempt is counted before the password is looked at, so that many at once cannot slip through together; a successful one
is taken back. Both limits are loose enough for people and the clients behind one address, and make guessing hopeless.

Failure policy: Redis away: this process counts for itself, with the same limits, so each replica allows as much
(`omg_login_throttle_fallback_total`). Redis is left alone for some seconds then, so that nobody waits for it at every attempt.
"""

import asyncio
import hashlib
import importlib
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import Counter

from common.http.errors import TooManyRequestsError
from common.logging import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

ATTEMPTS_PER_ACCOUNT: Final = 10
ATTEMPTS_PER_ADDRESS: Final = 50
WINDOW_S: Final = 300
_REDIS_TIMEOUT_S: Final = 0.5
_LEAVE_REDIS_ALONE_S: Final = 5.0
_MAX_COUNTERS: Final = 20_000

# One counter more, its window started if it is new; and one less, if it is still there. Replies: the count and the seconds left.
_COUNT: Final = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('TTL', KEYS[1])}
"""
_FORGIVE: Final = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end"

_log = get_logger(__name__)
_fallbacks = Counter(
    "omg_login_throttle_fallback_total", "Sign-in attempts counted in this process because Redis was away."
)
_throttled = Counter("omg_login_throttled_total", "Sign-in attempts refused by the throttle.", ["scope"])


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was counted in the current window, and the seconds until the window ends."""

    number: int
    seconds_left: int


class Counters(Protocol):
    """Counters that forget after `WINDOW_S`."""

    async def count(self, name: str) -> Count: ...

    async def forgive(self, name: str) -> None: ...


class MemoryCounters:
    """Counters of this process alone: the fallback, and the fake in tests."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._windows: dict[str, tuple[int, float]] = {}

    async def count(self, name: str) -> Count:
        now = self._monotonic()
        number, ends = self._windows.pop(name, (0, 0.0))
        if now >= ends:
            number, ends = 0, now + WINDOW_S
        self._windows[name] = (number + 1, ends)
        if len(self._windows) > _MAX_COUNTERS:
            del self._windows[next(iter(self._windows))]  # the one that was counted longest ago
        return Count(number + 1, max(1, int(ends - now)))

    async def forgive(self, name: str) -> None:
        if name in self._windows:
            number, ends = self._windows[name]
            self._windows[name] = (number - 1, ends)


class RedisCounters:
    """Counters shared by all replicas, and those of this process while Redis is away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._fallback = MemoryCounters()
        self._retry_at = 0.0

    async def count(self, name: str) -> Count:
        reply = await self._ask(_COUNT, name)
        if isinstance(reply, list):
            return Count(int(reply[0]), max(1, int(reply[1])))
        _fallbacks.inc()
        return await self._fallback.count(name)

    async def forgive(self, name: str) -> None:
        await self._ask(_FORGIVE, name)
        await self._fallback.forgive(name)

    async def ping(self) -> None:
        """A readiness check. Raises Redis's errors."""
        await (await self._connect()).execute_command("PING")  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, script: str, name: str) -> object:
        """The script's reply; `None` when Redis is away."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            async with asyncio.timeout(_REDIS_TIMEOUT_S):
                client = await self._connect()
                arguments = ("EVAL", script, 1, f"omg:login:{name}", WINDOW_S)
                return await client.execute_command(*arguments)  # type: ignore[no-untyped-call]
        except _redis_errors() as error:
            self._retry_at = time.monotonic() + _LEAVE_REDIS_ALONE_S
            _log.warning("redis is away; sign-in attempts are counted in this process", reason=type(error).__name__)
            return None

    async def _connect(self) -> "Redis":
        """The client. Its library is loaded at the first sign-in: a tenth of a second that no start has to wait for."""
        if self._client is None:
            library = await asyncio.to_thread(importlib.import_module, "redis.asyncio")
            self._client = library.Redis.from_url(
                self._url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
            )
        return self._client


def _redis_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # loaded by now: only its client raises

    return (RedisError, OSError, TimeoutError)


class LoginThrottle:
    """Lets a sign-in attempt pass, or says when to come again."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def admit(self, *, account: str, address: str) -> None:
        """Count an attempt. Raises `TooManyRequestsError` when it is one too many."""
        for scope, name, limit in self._scopes(account, address):
            count = await self._counters.count(name)
            if count.number > limit:
                _throttled.labels(scope=scope).inc()
                raise TooManyRequestsError(
                    "Too many attempts to sign in. Wait a little and try again.", retry_after_s=count.seconds_left
                )

    async def forgive(self, *, account: str, address: str) -> None:
        """Take a successful attempt back."""
        for _, name, _ in self._scopes(account, address):
            await self._counters.forgive(name)

    def _scopes(self, account: str, address: str) -> tuple[tuple[str, str, int], ...]:
        # The account's name is hashed: what is typed into the field may be a password.
        return (
            ("address", f"address:{_network(address)}", ATTEMPTS_PER_ADDRESS),
            ("account", f"account:{hashlib.sha256(account.encode()).hexdigest()}", ATTEMPTS_PER_ACCOUNT),
        )


def _network(address: str) -> str:
    """Whom an address belongs to: whoever has an IPv6 address usually has its whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
