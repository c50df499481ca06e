"""Limits and budgets in Redis: exact, across all replicas of the gateway.

A call's claims are reserved by one script in one step (`common.limits.scripts`). All keys carry one hash tag for now, so they live
in one slot of a cluster.

Failure policy: Redis away, silent for 0.25 s (noticed up to 0.1 s later), or answering with an error: `LimitStoreUnavailable`,
at once while it is known to be away. What an unanswered reservation may have reserved runs out: leases after 30 s, windows after
60 s. Ends of calls are told again (`settling`). A script that Redis has forgotten is loaded again and asked once more.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from common.limits.keys import budget_keys, limit_key
from common.limits.scripts import RENEW, RESERVE, SETTLE, Script
from common.limits.windows import BUCKETS
from edge_proxy.limits.link import Link
from edge_proxy.limits.port import (
    LEASE_S,
    SETTLED_LEASE_S,
    WINDOW_S,
    BudgetClaim,
    Claim,
    Granted,
    LimitStoreUnavailable,
    Refused,
    Reservation,
)
from edge_proxy.limits.resp import Reply, ReplyError, bulk, command
from edge_proxy.limits.settling import Pending, Settlement

_TIMEOUT_S: Final = 0.25
_TOLD_AGAIN_AT_ONCE: Final = 200
_TELL_AGAIN_S: Final = 0.5
_MOST_NAMES: Final = 100_000
_CRLF: Final = b"\r\n"
_SCRIPTS: Final = (RESERVE, SETTLE, RENEW)

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[int]).decode


class RedisLimitStore:
    """`clock` (microseconds) is for tests: in production Redis' own counts. So are other lengths of windows, leases, renewals."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = _TIMEOUT_S,
        window_s: float = WINDOW_S,
        lease_s: float = LEASE_S,
        renew_s: float | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._link = Link(url, scripts=[script.text for script in _SCRIPTS], timeout_s=timeout_s)
        self._clock = clock
        self._bucket_us = int(window_s * 1e6) // BUCKETS
        self._renew_s = lease_s / 3 if renew_s is None else renew_s
        self._lease_us = int(lease_s * 1e6)
        self._settled_lease_us = int(SETTLED_LEASE_S * 1e6)
        self._pending = Pending(self._send_settlement, self._load)
        self._loading = False
        self._running: set[Reservation] = set()
        self._names: dict[str, bytes] = {}
        self._budget_names: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._heads: dict[tuple[str, int], bytes] = {}

    @property
    def is_up(self) -> bool:
        return self._link.is_up

    @property
    def reason(self) -> str:
        """Why it is not up."""
        return self._link.reason

    async def connected(self) -> None:
        """Waits until it is up; `run` has to be running."""
        await self._link.up.wait()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run(), name="limits-link")
            tasks.create_task(self._renew_regularly(), name="limits-renew")
            tasks.create_task(self._tell_regularly(), name="limits-tell")

    async def drain(self, *, within: float) -> None:
        """Before `run` is ended: what calls have left to tell gets out, if it can within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._pending or self._link.is_waiting:
                    self._pending.tell_again(_TOLD_AGAIN_AT_ONCE)
                    await asyncio.sleep(0.01)

    async def reserve(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim] = ()
    ) -> Granted | Refused:
        now = self._clock() if self._clock is not None else 0
        blob = _encode((call_id, self._lease_us, self._bucket_us, now, claims, budgets))
        names = self._names
        keys = [names.get(claim.name) or self._name(claim.name) for claim in claims]
        for budget in budgets:
            keys += self._budget_name(budget)
        parts = self._command(RESERVE, keys, blob)
        waiter = _Waiter(self, call_id, claims, budgets, parts)
        self._link.send(parts, waiter)
        return await waiter.outcome

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        if self._end(reservation):
            self._pending.settle(reservation, tokens=tokens, cost=cost)

    def cancel(self, reservation: Reservation) -> None:
        if self._end(reservation):
            self._pending.cancel(reservation)

    def renew(self, reservation: Reservation) -> None:
        keys = [self._name(claim.name) for claim in reservation.claims if claim.kind == "parallel"]
        slots = len(keys)
        for budget in reservation.budgets:
            keys += self._budget_name(budget)
        now = self._clock() if self._clock is not None else 0
        amounts = [budget.amount for budget in reservation.budgets]
        self._send(RENEW, keys, _encode((reservation.call_id, self._lease_us, now, slots, amounts)), self._renewed)

    def _renewed(self, reply: Reply) -> None:
        """One that failed is left to the next."""
        if type(reply) is ReplyError and reply.code == "NOSCRIPT":
            self._load()

    def begin(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], numbers: list[int]
    ) -> Granted | Refused:
        """What Redis said, in the terms of the port."""
        if numbers[0]:
            return Refused(claims, budgets, numbers, self._bucket_us)
        has_lease = bool(budgets)
        if not has_lease:
            for claim in claims:
                if claim.kind == "parallel":
                    has_lease = True
        reservation = Reservation(call_id, claims, budgets, numbers, has_lease)
        if has_lease:
            self._running.add(reservation)
        return Granted(claims, budgets, numbers, self._bucket_us, reservation)

    def ask_again(self, parts: Sequence[bytes], waiter: Callable[[Reply], None]) -> None:
        """Redis did not know the script. Raises `LimitStoreUnavailable`."""
        self._load()
        self._link.send(parts, waiter)

    def _load(self) -> None:
        """Once for all who find out at the same time: what is sent later comes later."""
        if not self._loading:
            with suppress(LimitStoreUnavailable):
                for script in _SCRIPTS:
                    self._link.send((command("SCRIPT", "LOAD", script.text),), self._loaded)
                self._loading = True

    def _loaded(self, reply: Reply) -> None:
        self._loading = False

    def _end(self, reservation: Reservation) -> bool:
        if reservation.ended:
            return False
        reservation.ended = True
        self._running.discard(reservation)
        return True

    def _send_settlement(self, settlement: Settlement) -> bool:
        reservation = settlement.reservation
        names = self._names
        keys = []
        changes = []
        for name, bucket, change in settlement.changes:
            keys.append(names.get(name) or self._name(name))
            changes.append((bucket, change))
        slots = -len(keys)
        for claim in reservation.claims:
            if claim.kind == "parallel":
                keys.append(names.get(claim.name) or self._name(claim.name))
        slots += len(keys)
        for budget in reservation.budgets:
            keys += self._budget_name(budget)
        now = self._clock() if self._clock is not None else 0
        costs = (settlement.cost,) * len(reservation.budgets)
        blob = _encode((reservation.call_id, self._settled_lease_us, self._bucket_us, now, changes, slots, costs))
        return self._send(SETTLE, keys, blob, settlement)

    def _send(self, script: Script, keys: Sequence[bytes], blob: bytes, on_reply: Callable[[Reply], None]) -> bool:
        try:
            self._link.send(self._command(script, keys, blob), on_reply, soon=False)
        except LimitStoreUnavailable:
            return False
        return True

    def _command(self, script: Script, keys: Sequence[bytes], blob: bytes) -> list[bytes]:
        count = len(keys)
        head = self._heads.get((script.sha, count))
        if head is None:
            head = b"*%d\r\n" % (count + 4) + b"".join(bulk(p.encode()) for p in ("EVALSHA", script.sha, str(count)))
            self._heads[(script.sha, count)] = head
        return [head, *keys, b"$%d\r\n" % len(blob), blob, _CRLF]

    def _name(self, claim: str) -> bytes:
        encoded = self._names.get(claim)
        if encoded is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            encoded = self._names[claim] = bulk(limit_key(claim).encode())
        return encoded

    def _budget_name(self, claim: BudgetClaim) -> tuple[bytes, bytes]:
        names = self._budget_names.get((claim.budget_id, claim.period))
        if names is None:
            if len(self._budget_names) >= _MOST_NAMES:
                self._budget_names.clear()
            entries, leases = budget_keys(claim.budget_id, claim.period)
            names = (bulk(entries.encode()), bulk(leases.encode()))
            self._budget_names[(claim.budget_id, claim.period)] = names
        return names

    async def _renew_regularly(self) -> None:
        """At once when Redis is back, for it may have forgotten."""
        while True:
            await self._link.up.wait()
            for at, reservation in enumerate(tuple(self._running), 1):
                if not reservation.ended:
                    self.renew(reservation)
                if at % _TOLD_AGAIN_AT_ONCE == 0:
                    await asyncio.sleep(0.005)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._renew_s):
                    await self._link.down.wait()

    async def _tell_regularly(self) -> None:
        while True:
            await asyncio.sleep(_TELL_AGAIN_S)
            await self._link.up.wait()
            for _ in range(0, len(self._pending), _TOLD_AGAIN_AT_ONCE):
                self._pending.tell_again(_TOLD_AGAIN_AT_ONCE)
                await asyncio.sleep(0.005)


class _Waiter:
    """A reservation under way. It is its own callback: no closure, no task, no timer for each."""

    __slots__ = ("_asked_twice", "_budgets", "_call_id", "_claims", "_parts", "_store", "outcome")

    def __init__(
        self,
        store: RedisLimitStore,
        call_id: str,
        claims: Sequence[Claim],
        budgets: Sequence[BudgetClaim],
        parts: Sequence[bytes],
    ) -> None:
        self.outcome: asyncio.Future[Granted | Refused] = asyncio.get_running_loop().create_future()
        self._store = store
        self._call_id = call_id
        self._claims = claims
        self._budgets = budgets
        self._parts = parts
        self._asked_twice = False

    def __call__(self, reply: Reply) -> None:
        if type(reply) is bytes:
            outcome = self._store.begin(self._call_id, self._claims, self._budgets, _decode(reply))
            if not self.outcome.done():
                self.outcome.set_result(outcome)
            elif isinstance(outcome, Granted):  # nobody waits for it any more
                self._store.cancel(outcome.reservation)
            return
        if self.outcome.done():
            return
        if isinstance(reply, ReplyError) and reply.code == "NOSCRIPT" and not self._asked_twice:
            self._asked_twice = True
            try:
                self._store.ask_again(self._parts, self)
            except LimitStoreUnavailable as error:
                self.outcome.set_exception(error)
            return
        self.outcome.set_exception(LimitStoreUnavailable(str(reply)))
