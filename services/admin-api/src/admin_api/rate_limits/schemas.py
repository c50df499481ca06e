"""Shapes of rate limits in requests and replies."""

from typing import Annotated

from pydantic import BaseModel, Field

from admin_api.catalog.schemas import Alias
from admin_api.fields import RequestBody
from admin_api.rate_limits.domain import MAX_LIMITED_MODELS, LimitView
from common.events.control import LimitPolicy, RateLimits

Limit = Annotated[int, Field(strict=True, ge=0, le=10**12)]


class Limits(BaseModel):
    """Per minute, and at once. Null is no limit from here; 0 lets nothing pass."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    parallel_requests: int | None

    @classmethod
    def of(cls, limits: RateLimits) -> "Limits":
        return cls.model_validate(limits, from_attributes=True)


class LimitsWithModels(Limits):
    """Of all calls together; `models` holds, by alias, those of one model, which apply in addition."""

    models: dict[str, Limits]

    @classmethod
    def of_policy(cls, policy: LimitPolicy) -> "LimitsWithModels":
        models = {alias: Limits.of(limits) for alias, limits in policy.models.items()}
        return cls(**Limits.of(policy.overall).model_dump(), models=models)


class LimitCeilings(BaseModel):
    """What is above: of a key, what applies to its tenant, which a key's own limits cannot exceed; and the installation's
    defaults. Null where nothing is above."""

    tenant: LimitsWithModels | None
    installation: LimitsWithModels | None


class RateLimitsView(BaseModel):
    """`own` is what was set here, `effective` what applies to calls, whoever said so."""

    own: LimitsWithModels
    effective: LimitsWithModels
    ceilings: LimitCeilings

    @classmethod
    def of(cls, view: LimitView) -> "RateLimitsView":
        return cls(
            own=LimitsWithModels.of_policy(view.own),
            effective=LimitsWithModels.of_policy(view.effective),
            ceilings=LimitCeilings(tenant=_shown(view.tenant), installation=_shown(view.installation)),
        )


def _shown(policy: LimitPolicy | None) -> LimitsWithModels | None:
    return None if policy is None else LimitsWithModels.of_policy(policy)


class LimitsWrite(RequestBody):
    """Null, or left out: inherited."""

    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    parallel_requests: Limit | None = None

    def limits(self) -> RateLimits:
        return RateLimits(
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            parallel_requests=self.parallel_requests,
        )


class RateLimitsWrite(LimitsWrite):
    """The whole of what is set here: what is left out is no longer."""

    models: Annotated[dict[Alias, LimitsWrite], Field(default_factory=dict, max_length=MAX_LIMITED_MODELS)]

    def value(self) -> LimitPolicy:
        return LimitPolicy(
            overall=self.limits(), models={alias: limits.limits() for alias, limits in self.models.items()}
        )
