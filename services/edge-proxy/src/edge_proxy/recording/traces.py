"""Tracing as the pipeline knows it. Who collects traces gets `recording.otlp`; nobody else pays for importing it."""

from typing import Protocol

from edge_proxy.pipeline.call import Call
from edge_proxy.server.client import Client


class Traces(Protocol):
    def sample(self, client: Client) -> object:
        """Whether the call is sampled; what is returned is kept in the call for `record`, and false if it is not."""
        ...

    def record(self, call: Call, *, seconds: float) -> str | None:
        """The spans of a settled call that took so long; returns the `traceparent` of what comes after it."""
        ...

    def close(self) -> None: ...


class NoTraces:
    """Nobody collects them."""

    def sample(self, client: Client) -> object:
        return False

    def record(self, call: Call, *, seconds: float) -> str | None:
        return None

    def close(self) -> None:
        pass
