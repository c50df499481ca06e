"""What is said to Redis: which script, the keys of its calls, each once, and one MessagePack array. As bytes, ready to be sent."""

from collections.abc import Sequence
from typing import Final

import msgspec

from common.limits.keys import budget_keys, limit_key
from common.limits.scripts import RENEW, RESERVE, SETTLE, Script
from edge_proxy.limits.asking import Waiter
from edge_proxy.limits.port import BudgetClaim, Reservation
from edge_proxy.limits.resp import bulk
from edge_proxy.limits.settling import Settlement

_MOST_NAMES: Final = 100_000
_CRLF: Final = b"\r\n"

_encode: Final = msgspec.msgpack.Encoder().encode


class Commands:
    """Lengths in microseconds. What a name looks like as a key in Redis is worked out once."""

    def __init__(self, *, lease_us: int, settled_lease_us: int, bucket_us: int) -> None:
        self._lease_us = lease_us
        self._settled_lease_us = settled_lease_us
        self._bucket_us = bucket_us
        self._names: dict[str, bytes] = {}
        self._budget_names: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._heads: dict[tuple[str, int], bytes] = {}

    def reserve(self, waiters: Sequence[Waiter]) -> list[bytes]:
        keys = _Keys()
        names = self._names
        calls = []
        for waiter in waiters:
            claims = [
                (keys.number(names.get(claim.name) or self._name(claim.name)), claim.kind, claim.limit, claim.amount)
                for claim in waiter.claims
            ]
            budgets = [
                (keys.number(*self._budget_name(each)), each.limit, each.amount, each.known, each.hard)
                for each in waiter.budgets
            ]
            calls.append((waiter.call_id, claims, budgets))
        return self._command(RESERVE, keys.names, _encode((self._lease_us, self._bucket_us, waiters[0].now, calls)))

    def settle(self, ended: Sequence[Settlement]) -> list[bytes]:
        keys = _Keys()
        names = self._names
        calls = []
        for settlement in ended:
            reservation, cost = settlement.reservation, settlement.cost
            changes = [
                (keys.number(names.get(name) or self._name(name)), bucket, change)
                for name, bucket, change in settlement.changes
            ]
            slots = [
                keys.number(names.get(claim.name) or self._name(claim.name))
                for claim in reservation.claims
                if claim.kind == "parallel"
            ]
            costs = [(keys.number(*self._budget_name(each)), cost) for each in reservation.budgets]
            calls.append((reservation.call_id, changes, slots, costs))
        blob = _encode((self._settled_lease_us, self._bucket_us, ended[0].now, calls))
        return self._command(SETTLE, keys.names, blob)

    def renew(self, reservation: Reservation, *, now: int) -> list[bytes]:
        keys = [self._name(claim.name) for claim in reservation.claims if claim.kind == "parallel"]
        slots = len(keys)
        for budget in reservation.budgets:
            keys += self._budget_name(budget)
        amounts = [budget.amount for budget in reservation.budgets]
        return self._command(RENEW, keys, _encode((reservation.call_id, self._lease_us, now, slots, amounts)))

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


class _Keys:
    """The keys of a script, each named once; a budget's two lie next to each other."""

    __slots__ = ("_numbers", "names")

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def number(self, name: bytes, *more: bytes) -> int:
        """Counted from 1."""
        number = self._numbers.get(name)
        if number is None:
            self.names.append(name)
            number = self._numbers[name] = len(self.names)
            self.names.extend(more)
        return number
