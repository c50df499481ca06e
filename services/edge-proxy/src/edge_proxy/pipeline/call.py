"""The one object a call carries through the pipeline: who asks, what for, and how it went."""

from datetime import datetime
from time import perf_counter

from common.events.usage import CallStatus, Tokens
from edge_proxy.control.snapshot import Alias, Key, Route, Tenant
from edge_proxy.errors import ProviderError
from edge_proxy.idempotency.first import First
from edge_proxy.limits.port import Reservation
from edge_proxy.recording.journal import Segment
from edge_proxy.wire.chat import ChatRequest

CLIENT_GONE = 499
"""The status under which a call is recorded whose client went away; no client ever sees it."""


class Call:
    """Filled in by the steps in order. The outcome starts as a failure of ours and is replaced once it is known."""

    __slots__ = (
        "alias",
        "claim",
        "cost",
        "end_user",
        "error_code",
        "estimated",
        "first_byte",
        "http_status",
        "id",
        "key",
        "metadata",
        "operation",
        "request",
        "reservation",
        "route",
        "sampled",
        "segment",
        "started",
        "status",
        "tenant",
        "time",
        "tokens",
        "total_at",
        "tries",
    )

    alias: Alias
    key: Key
    request: ChatRequest
    route: Route
    tenant: Tenant

    def __init__(self, *, id: str, operation: str, time: datetime) -> None:
        self.id = id
        self.operation = operation
        self.time = time
        self.started = perf_counter()
        self.first_byte: float | None = None
        self.segment: Segment | None = None
        self.reservation: Reservation | None = None
        self.cost = 0
        self.end_user: str | None = None
        self.metadata: dict[str, str] = {}
        self.tries = 0
        self.total_at = 0.0
        self.sampled: object = False
        """What `recording.traces` said: true, or the client's own span, for a call that is traced."""
        self.claim: First | None = None
        """The call is the first with its `Idempotency-Key`: its answer is written down."""
        self.status: CallStatus = "interrupted"
        self.http_status = 500
        self.error_code: str | None = "gateway_interrupted"
        self.tokens = Tokens()
        self.estimated = False

    def succeeded(self, tokens: Tokens, *, estimated: bool) -> None:
        self.status, self.http_status, self.error_code = "succeeded", 200, None
        self.tokens, self.estimated = tokens, estimated

    def failed(self, error: ProviderError) -> None:
        """What the provider is known to have delivered before it failed keeps being counted."""
        self.status, self.http_status = "failed", error.http_status
        self.error_code = error.code or error.type

    def aborted(self) -> None:
        self.status, self.http_status, self.error_code = "aborted", CLIENT_GONE, "client_disconnected"
