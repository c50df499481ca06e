"""Rules of rate limits: whose value applies, and which limits of a key are too high."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.rate_limits.domain import Excess, first_excess, key_effective, normal, tenant_effective
from admin_api.rate_limits.models import loaded, stored
from common.events.control import LimitPolicy, RateLimits

KINDS = ("requests_per_minute", "tokens_per_minute", "parallel_requests")
values = st.none() | st.integers(0, 3)
limits = st.builds(RateLimits, requests_per_minute=values, tokens_per_minute=values, parallel_requests=values)
policies = st.builds(LimitPolicy, overall=limits, models=st.dictionaries(st.sampled_from("abc"), limits))


def rpm(overall: int | None = None, **models: int) -> LimitPolicy:
    return LimitPolicy(
        overall=RateLimits(requests_per_minute=overall),
        models={alias: RateLimits(requests_per_minute=value) for alias, value in models.items()},
    )


def cells(policy: LimitPolicy) -> dict[tuple[str | None, str], Any]:
    """Every limit that is there, by alias (null: overall) and kind."""
    places: list[tuple[str | None, RateLimits]] = [(None, policy.overall), *policy.models.items()]
    return {
        (alias, kind): getattr(place, kind)
        for alias, place in places
        for kind in KINDS
        if getattr(place, kind) is not None
    }


@given(policies, policies)
def test_a_tenants_limit_is_its_own_value_else_the_default(own: LimitPolicy, defaults: LimitPolicy) -> None:
    assert cells(tenant_effective(own, defaults)) == cells(defaults) | cells(own)


@given(policies, policies)
def test_of_a_keys_and_its_tenants_limits_the_strictest_applies(own: LimitPolicy, tenant: LimitPolicy) -> None:
    mine, theirs = cells(own), cells(tenant)

    assert cells(key_effective(own, tenant)) == {
        place: min(each[place] for each in (mine, theirs) if place in each) for place in mine | theirs
    }


@given(policies, policies, policies)
def test_a_limit_is_refused_exactly_when_it_is_above_something(
    key: LimitPolicy, tenant: LimitPolicy, installation: LimitPolicy
) -> None:
    applies = cells(installation) | cells(tenant)
    above = {
        (".".join(part for part in ("models", alias, kind)) if alias else kind, value)
        for (alias, kind), value in cells(key).items()
        for ceiling in (applies.get((alias, kind)), applies.get((None, kind)))
        if ceiling is not None and value > ceiling
    }

    excess = first_excess(key, tenant=tenant, installation=installation)

    assert (excess is not None) is bool(above)
    if excess is not None:
        assert (excess.field, excess.value) in above
        assert excess.value > excess.ceiling_value


@pytest.mark.parametrize(
    ("key", "tenant", "installation", "excess"),
    [
        (rpm(5), rpm(5), rpm(1), None),
        (rpm(6), rpm(5), rpm(9), Excess("requests_per_minute", 6, "the tenant's limit", 5)),
        (rpm(6), rpm(), rpm(5), Excess("requests_per_minute", 6, "the installation's limit", 5)),
        (rpm(1), rpm(0), rpm(), Excess("requests_per_minute", 1, "the tenant's limit", 0)),
        (rpm(m=6), rpm(9, m=5), rpm(), Excess("models.m.requests_per_minute", 6, "the tenant's limit for m", 5)),
        (rpm(m=6), rpm(5), rpm(), Excess("models.m.requests_per_minute", 6, "the tenant's limit", 5)),
        (rpm(m=6), rpm(), rpm(m=5), Excess("models.m.requests_per_minute", 6, "the installation's limit for m", 5)),
        (rpm(m=6), rpm(9, n=1), rpm(), None),
        (rpm(10**12), rpm(), rpm(), None),
    ],
)
def test_what_is_too_high_and_who_says_so(
    key: LimitPolicy, tenant: LimitPolicy, installation: LimitPolicy, excess: Excess | None
) -> None:
    assert first_excess(key, tenant=tenant, installation=installation) == excess


@given(policies)
def test_a_policy_is_stored_and_loaded_unchanged(policy: LimitPolicy) -> None:
    assert loaded(stored(policy)) == policy
    assert cells(normal(policy)) == cells(policy)
    assert RateLimits() not in normal(policy).models.values()


def test_a_policy_without_limits_leaves_nothing_behind() -> None:
    assert stored(normal(LimitPolicy(models={"m": RateLimits()}))) is None
