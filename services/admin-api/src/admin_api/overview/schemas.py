"""Shapes of the overview in replies."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from admin_api.overview.domain import Overview


class StreamHealth(BaseModel):
    name: str
    messages: int
    bytes: int


class ConsumerHealth(BaseModel):
    """`waiting`: messages never delivered yet, `unsettled`: delivered and not done; with `asking` 0 nobody is there to do them."""

    stream: str
    name: str
    waiting: int
    unsettled: int
    asking: int


class EdgeHealth(BaseModel):
    """A replica of edge-proxy, as it says of itself. `usage_pending` and `journal_bytes` are usage on its way to the ledger;
    `routes` are the breakers of the routes it has used."""

    replica: str
    version: str
    started_at: datetime
    configured: bool
    usage_pending: int
    journal_bytes: int
    routes: dict[str, Literal["closed", "half_open", "open"]]


class Health(BaseModel):
    """`degraded` when a dependency does not answer, nobody works at a consumer, or no replica of the edge answers.

    `checks` are by dependency: `ok`, or the kind of its failure. `outbox_waiting` are changes that the edge has not been told yet.
    """

    status: Literal["ok", "degraded"]
    checks: dict[str, str]
    outbox_waiting: int | None
    latest_call_at: datetime | None
    streams: list[StreamHealth]
    consumers: list[ConsumerHealth]
    edges: list[EdgeHealth]

    @classmethod
    def of(cls, found: Overview) -> "Health":
        answered = all(check == "ok" for check in found.checks.values())
        worked_at = all(consumer.asking or consumer.unsettled for consumer in found.consumers)
        return cls(
            status="ok" if answered and worked_at and found.edges else "degraded",
            checks=dict(found.checks),
            outbox_waiting=found.outbox_waiting,
            latest_call_at=found.latest_call_at,
            streams=[StreamHealth.model_validate(each, from_attributes=True) for each in found.streams],
            consumers=[ConsumerHealth.model_validate(each, from_attributes=True) for each in found.consumers],
            edges=[EdgeHealth.model_validate(each, from_attributes=True) for each in found.edges],
        )
