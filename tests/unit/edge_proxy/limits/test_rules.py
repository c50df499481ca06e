"""Which claims a call has."""

import msgspec

from common.events.control import UNLIMITED, LimitPolicy, RateLimits
from edge_proxy.limits.port import Claim
from edge_proxy.limits.rules import Rules

NONE = LimitPolicy()


class Record(msgspec.Struct, frozen=True):
    id: str
    limits: LimitPolicy = NONE


def claims(key: Record, tenant: Record, default: LimitPolicy = NONE) -> list[Claim]:
    return list(Rules().plan(key, tenant, default, "gpt").claims(700))


def policy(**overall: int) -> LimitPolicy:
    return LimitPolicy(overall=RateLimits(**overall))


def test_who_has_no_limits_has_no_claims() -> None:
    assert claims(Record("key_1"), Record("tnt_1")) == []


def test_a_tenant_inherits_what_it_does_not_set_kind_by_kind() -> None:
    default = policy(requests_per_minute=10, tokens_per_minute=1000)
    assert claims(Record("key_1"), Record("tnt_1", policy(requests_per_minute=20)), default) == [
        Claim("tenant:tnt_1:requests", "requests", 20, 1),
        Claim("tenant:tnt_1:tokens", "tokens", 1000, 700),
    ]


def test_a_key_inherits_nothing_and_both_apply() -> None:
    default = policy(requests_per_minute=10, parallel_requests=3)
    assert claims(Record("key_1", policy(parallel_requests=2)), Record("tnt_1"), default) == [
        Claim("tenant:tnt_1:requests", "requests", 10, 1),
        Claim("tenant:tnt_1:parallel", "parallel", 3, 1),
        Claim("key:key_1:parallel", "parallel", 2, 1),
    ]


def test_limits_of_the_called_model_are_added_and_those_of_others_are_not() -> None:
    own = LimitPolicy(
        overall=RateLimits(requests_per_minute=10),
        models={"gpt": RateLimits(requests_per_minute=4), "other": RateLimits(requests_per_minute=1)},
    )
    default = LimitPolicy(models={"gpt": RateLimits(tokens_per_minute=900)})
    assert claims(Record("key_1"), Record("tnt_1", own), default) == [
        Claim("tenant:tnt_1:requests", "requests", 10, 1),
        Claim("tenant:tnt_1:model:gpt:requests", "requests", 4, 1),
        Claim("tenant:tnt_1:model:gpt:tokens", "tokens", 900, 700),
    ]


def test_nothing_allowed_is_a_limit() -> None:
    assert claims(Record("key_1", policy(requests_per_minute=0)), Record("tnt_1")) == [
        Claim("key:key_1:requests", "requests", 0, 1)
    ]


def test_models_without_limits_of_their_own_share_a_plan_and_others_do_not() -> None:
    rules, key = Rules(), Record("key_1", UNLIMITED)
    tenant = Record("tnt_1", LimitPolicy(overall=RateLimits(requests_per_minute=10), models={"gpt": RateLimits()}))
    default = LimitPolicy(models={"o": RateLimits(requests_per_minute=3)})

    def names(alias: str) -> list[str]:
        return [claim.name for claim in rules.plan(key, tenant, default, alias).claims(1)]

    everywhere = "tenant:tnt_1:requests"
    for _ in range(2):
        assert names("a") == names("b") == names("gpt") == [everywhere]
        assert names("o") == [everywhere, "tenant:tnt_1:model:o:requests"]
    assert rules.plan(key, tenant, default, "a") is rules.plan(key, tenant, default, "b")
    free = Record("tnt_2", UNLIMITED)
    assert rules.plan(key, free, UNLIMITED, "a").claims(1) == []
    assert rules.plan(key, free, default, "o").claims(1) != []


def test_a_changed_record_is_seen_at_once() -> None:
    rules = Rules()
    key, tenant = Record("key_1"), Record("tnt_1", policy(requests_per_minute=10))

    def limits(key: Record, tenant: Record, default: LimitPolicy = NONE) -> list[int]:
        return [claim.limit for claim in rules.plan(key, tenant, default, "gpt").claims(1)]

    assert limits(key, tenant) == [10]
    assert limits(key, Record("tnt_1", policy(requests_per_minute=5))) == [5]
    assert limits(key, tenant, policy(tokens_per_minute=7)) == [10, 7]
    own = Record("key_1", policy(requests_per_minute=2))
    assert limits(own, tenant) == [10, 2]
    assert limits(own, Record("tnt_1", policy(requests_per_minute=5))) == [5, 2]
    assert limits(Record("key_1", policy(requests_per_minute=3)), tenant) == [10, 3]


def test_a_fixed_claim_is_made_once() -> None:
    rules = Rules()
    key, tenant = Record("key_1"), Record("tnt_1", policy(requests_per_minute=10, tokens_per_minute=5))
    first, second = (rules.plan(key, tenant, NONE, "gpt").claims(tokens) for tokens in (1, 2))
    assert first[0] is second[0]
    assert (first[1].amount, second[1].amount) == (1, 2)
