"""The rules in plain Python, for one process: its share of each limit while Redis is away, and the model for the scripts' tests."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from edge_proxy.limits.claims import Granted, Limit, Refused, Room

PIECE_MS: Final = 500
PIECES: Final = 121
"""Of a window: 120 that fill 60 seconds, and the one that lies partly within."""
WINDOW_MS: Final = PIECE_MS * PIECES
LEASE_MS: Final = 30_000
_PARALLEL_RETRY_MS: Final = 1000
_MAX_NAMES: Final = 100_000


class Window:
    """Counts by piece, oldest first."""

    def __init__(self) -> None:
        self.pieces: OrderedDict[int, int] = OrderedDict()
        self.total = 0

    def slide(self, piece: int) -> None:
        while self.pieces and next(iter(self.pieces)) <= piece - PIECES:
            self.total -= self.pieces.popitem(last=False)[1]

    def add(self, piece: int, amount: int) -> None:
        self.pieces[piece] = self.pieces.get(piece, 0) + amount
        self.total += amount

    def take_back(self, piece: int, amount: int) -> None:
        """As far as it is there."""
        amount = min(amount, self.pieces.get(piece, 0))
        if amount:
            self.pieces[piece] -= amount
            self.total -= amount

    def room_at(self, needed: int, limit: int) -> int | None:
        """The time in ms at which `needed` fit under `limit`; None: never."""
        if needed > limit:
            return None
        left = self.total
        for piece, count in self.pieces.items():
            left -= count
            if left + needed <= limit:
                return (piece + PIECES) * PIECE_MS
        return 0

    def empty_at(self) -> int:
        used = [piece for piece, count in self.pieces.items() if count]
        return (used[-1] + PIECES) * PIECE_MS if used else 0


class LocalLimits:
    """Times are in ms of any clock, given by the caller."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}
        self._leases: dict[str, dict[str, int]] = {}

    def reserve(self, call_id: str, limits: Sequence[Limit], *, tokens: int, now: int) -> Granted | Refused:
        piece = now // PIECE_MS
        if len(self._windows) > _MAX_NAMES:
            self._windows.clear()  # a replica alone, for as long as Redis is away: memory comes first
        for limit in limits:
            self._forget(limit, now)
        for limit in limits:
            refused_until = self._refused_until(limit, tokens=tokens, now=now)
            if refused_until is not None:
                return Refused(limit, max(0, refused_until - now) / 1000, self._rooms(limits, now))
        for limit in limits:
            if limit.kind == "parallel":
                self._leases[limit.name][call_id] = now + LEASE_MS
            elif amount := 1 if limit.kind == "requests" else tokens:
                self._windows[limit.name].add(piece, amount)
        return Granted(call_id, tuple(limits), tokens, piece, self._rooms(limits, now), local=True)

    def settle(self, granted: Granted, *, tokens: int | None, now: int) -> None:
        """The call is over and used so many tokens; None: it never reached a provider, and all is given back."""
        piece = now // PIECE_MS
        for limit in granted.limits:
            if limit.kind == "parallel":
                self._leases.get(limit.name, {}).pop(granted.call_id, None)
                continue
            window = self._windows.setdefault(limit.name, Window())
            window.slide(piece)
            given_back = -1 if tokens is None else 0
            excess = given_back if limit.kind == "requests" else (tokens or 0) - granted.tokens
            if excess < 0:
                window.take_back(granted.piece, -excess)
            elif excess > 0:
                window.add(piece, excess)

    def renew(self, granted: Granted, *, now: int) -> None:
        for limit in granted.limits:
            leases = self._leases.get(limit.name, {})
            if granted.call_id in leases:
                leases[granted.call_id] = now + LEASE_MS

    def _forget(self, limit: Limit, now: int) -> None:
        """What has left the window, and leases that have run out."""
        if limit.kind == "parallel":
            leases = self._leases.setdefault(limit.name, {})
            for call_id in [each for each, expires in leases.items() if expires <= now]:
                del leases[call_id]
        else:
            self._windows.setdefault(limit.name, Window()).slide(now // PIECE_MS)

    def _refused_until(self, limit: Limit, *, tokens: int, now: int) -> int | None:
        """When there is room, for a limit that has none now."""
        if limit.kind == "parallel":
            return None if len(self._leases[limit.name]) < limit.limit else now + _PARALLEL_RETRY_MS
        window = self._windows[limit.name]
        amount = 1 if limit.kind == "requests" else tokens
        if window.total + amount <= limit.limit:
            return None
        room_at = window.room_at(amount, limit.limit)
        return now + WINDOW_MS if room_at is None else room_at

    def _rooms(self, limits: Sequence[Limit], now: int) -> tuple[Room, ...]:
        return tuple(self._room(limit, now) for limit in limits)

    def _room(self, limit: Limit, now: int) -> Room:
        if limit.kind == "parallel":
            return Room(limit, max(0, limit.limit - len(self._leases[limit.name])), 0.0)
        window = self._windows[limit.name]
        return Room(limit, max(0, limit.limit - window.total), max(0, window.empty_at() - now) / 1000)
