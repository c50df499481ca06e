"""How long a session lives, what the throttle lets through, and that an unknown person costs as much as a known one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from admin_api.sessions.domain import SessionPolicy, hash_token
from admin_api.sessions.passwords import DUMMY_HASH, Passwords
from admin_api.sessions.throttle import (
    ATTEMPTS_PER_ACCOUNT,
    ATTEMPTS_PER_ADDRESS,
    WINDOW_S,
    LoginThrottle,
    MemoryCounters,
    RedisCounters,
)
from common.http.errors import TooManyRequestsError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = SessionPolicy(idle=timedelta(hours=1), lifetime=timedelta(days=1))


@pytest.mark.parametrize(
    ("seen_before", "expires_after", "alive"),
    [
        (timedelta(0), timedelta(hours=1), True),
        (timedelta(minutes=59, seconds=59), timedelta(seconds=1), True),
        (timedelta(hours=1), timedelta(hours=1), False),
        (timedelta(0), timedelta(0), False),
        (timedelta(0), timedelta(seconds=-1), False),
    ],
)
def test_a_session_ends_when_idle_and_when_old(seen_before: timedelta, expires_after: timedelta, alive: bool) -> None:
    assert POLICY.is_alive(last_seen_at=NOW - seen_before, expires_at=NOW + expires_after, now=NOW) is alive


@pytest.mark.parametrize("idle", [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=12)])
def test_a_session_in_use_is_touched_before_it_can_end(idle: timedelta) -> None:
    policy = SessionPolicy(idle=idle, lifetime=timedelta(days=1))

    assert not policy.needs_touch(last_seen_at=NOW, now=NOW)
    assert policy.needs_touch(last_seen_at=NOW - idle * 0.6, now=NOW) or idle > timedelta(minutes=2)
    assert policy.needs_touch(last_seen_at=NOW - timedelta(minutes=1), now=NOW)


def test_a_token_is_stored_as_its_hash() -> None:
    assert hash_token("token") == "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"


async def test_a_password_is_verified_and_a_missing_user_never_is() -> None:
    passwords = Passwords()
    try:
        stored = await passwords.hash("a long password")

        assert stored.startswith("$argon2id$")
        assert await passwords.verify(stored, "a long password")
        assert not await passwords.verify(stored, "another one")
        assert not await passwords.verify(None, "a long password")
        assert not await passwords.verify("not a hash", "a long password")
    finally:
        passwords.close()


def test_the_hash_for_nobody_costs_what_others_cost() -> None:
    passwords = Passwords()

    assert not passwords.is_outdated(DUMMY_HASH)
    passwords.close()


async def test_more_sign_ins_than_can_wait_are_told_to_come_again() -> None:
    passwords = Passwords()
    try:
        results = await asyncio.gather(*(passwords.verify(None, "x") for _ in range(60)), return_exceptions=True)
    finally:
        passwords.close()

    refused = [result for result in results if isinstance(result, TooManyRequestsError)]
    assert results.count(False) + len(refused) == 60
    assert 0 < len(refused) < 60


class Attempts:
    """A throttle whose time the test moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.retry_after = 0
        self.throttle = LoginThrottle(MemoryCounters(lambda: self.time))

    async def pass_through(self, account: str = "a@b", address: str = "192.0.2.1") -> bool:
        try:
            await self.throttle.admit(account=account, address=address)
        except TooManyRequestsError as error:
            self.retry_after = int(error.headers["Retry-After"])
            return False
        return True


async def test_an_account_is_throttled_from_wherever_it_is_tried() -> None:
    attempts = Attempts()

    passed = [await attempts.pass_through(address=f"192.0.2.{n}") for n in range(ATTEMPTS_PER_ACCOUNT + 1)]

    assert passed == [True] * ATTEMPTS_PER_ACCOUNT + [False]
    assert await attempts.pass_through(account="another@b")


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8:1:2:{n:x}::1", "not an address"])
async def test_an_address_is_throttled_whomever_it_tries(address: str) -> None:
    attempts = Attempts()

    passed = [
        await attempts.pass_through(account=f"a{n}@b", address=address.format(n=n))
        for n in range(ATTEMPTS_PER_ADDRESS + 1)
    ]

    assert passed == [True] * ATTEMPTS_PER_ADDRESS + [False]
    assert await attempts.pass_through(account="b@b", address="198.51.100.7")


async def test_a_window_ends() -> None:
    attempts = Attempts()
    while await attempts.pass_through():
        pass

    assert attempts.retry_after == WINDOW_S
    attempts.time += WINDOW_S

    assert await attempts.pass_through()


async def test_a_success_is_taken_back() -> None:
    attempts = Attempts()
    for _ in range(ATTEMPTS_PER_ADDRESS * 2):
        assert await attempts.pass_through()
        await attempts.throttle.forgive(account="a@b", address="192.0.2.1")


async def test_counters_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin_api.sessions.throttle._MAX_COUNTERS", 10)
    counters = MemoryCounters()

    for number in range(100):
        await counters.count(str(number))

    assert (await counters.count("99")).number == 2
    assert (await counters.count("0")).number == 1
    assert len(counters._windows) == 10


async def test_counters_without_redis_count_all_the_same() -> None:
    counters = RedisCounters("redis://127.0.0.1:1/0")
    try:
        assert [(await counters.count("x")).number for _ in range(3)] == [1, 2, 3]
        await counters.forgive("x")
        assert (await counters.count("x")).number == 3
    finally:
        await counters.close()
