"""What requests about usage say in their query, behind both doors."""

from typing import Annotated

from fastapi import Depends, Query

from admin_api.dependencies import Wired
from admin_api.usage.calls import CallFilter
from admin_api.usage.domain import Period, Range, resolve_range
from admin_api.usage.filters import EVERYTHING
from admin_api.usage.schemas import FilterText, QueryMoment
from common.events.usage import CallStatus
from common.http.errors import InvalidRequestError

Filter = Annotated[FilterText | None, Query()]
List = Annotated[str, Query(max_length=4096, description="Ids, commas between them.")]


async def _asked_range(
    services: Wired,
    period: Annotated[Period | None, Query(description="Without any of these it is the last 24 hours.")] = None,
    start: Annotated[QueryMoment | None, Query(description="RFC 3339, with `end`; both count before `period`.")] = None,
    end: Annotated[QueryMoment | None, Query(description="Not included; at most 180 days after `start`.")] = None,
    timezone: Annotated[str, Query(description="IANA name; its days and hours are the buckets.")] = "UTC",
) -> Range:
    return resolve_range(period=period, start=start, end=end, timezone=timezone, now=services.clock())


async def _asked_month(
    services: Wired,
    period: Annotated[Period | None, Query(description="Without any of these it is the last 30 days.")] = None,
    start: Annotated[QueryMoment | None, Query(description="RFC 3339, with `end`; both count before `period`.")] = None,
    end: Annotated[QueryMoment | None, Query(description="Not included; at most 180 days after `start`.")] = None,
    timezone: Annotated[str, Query(description="IANA name; its days are the points.")] = "UTC",
) -> Range:
    return resolve_range(period=period or "30d", start=start, end=end, timezone=timezone, now=services.clock())


async def _call_filter(
    services: Wired,
    tenant_id: Filter = None,
    key_id: Filter = None,
    alias: Filter = None,
    provider: Filter = None,
    status: Annotated[CallStatus | None, Query()] = None,
    user_id: Annotated[FilterText | None, Query(description="Whose keys.")] = None,
    end_user: Annotated[
        FilterText | None, Query(description="As the request said, hashed if the edge does so.")
    ] = None,
    tag: Annotated[FilterText | None, Query(description="`name=value`, one the key carried.")] = None,
    start: Annotated[QueryMoment | None, Query(description="RFC 3339, with `end`.")] = None,
    end: Annotated[QueryMoment | None, Query(description="Not included; at most 180 days after `start`.")] = None,
) -> CallFilter:
    window = None
    if start is not None or end is not None:
        window = resolve_range(period=None, start=start, end=end, timezone="UTC", now=services.clock()).window
    name, equals, value = (tag or "").partition("=")
    if tag is not None and not equals:
        raise InvalidRequestError("tag: must be name=value.", code="invalid_value", param="tag")
    return CallFilter(
        scope=EVERYTHING,
        window=window,
        tenant_id=tenant_id,
        key_id=key_id,
        alias=alias,
        provider=provider,
        status=status,
        user_id=user_id,
        end_user=end_user,
        tag=None if tag is None else (name, value),
    )


AskedRange = Annotated[Range, Depends(_asked_range)]
AskedMonth = Annotated[Range, Depends(_asked_month)]
AskedCalls = Annotated[CallFilter, Depends(_call_filter)]
"""Of everything: the door narrows the scope."""


def ids_in(listed: str) -> list[str]:
    """What is between the commas."""
    return [each for each in (part.strip() for part in listed.split(",")) if each]
