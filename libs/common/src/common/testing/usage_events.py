"""Usage events for tests: plausible by default, anything overridden by name."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from common.events.usage import PricedLine, Tokens, UsageEnvelope, UsageRecorded
from common.ids import new_id
from common.money import PricePerMillion, nano_usd

_INPUT_PRICE = PricePerMillion(75_000_000)
_OUTPUT_PRICE = PricePerMillion(300_000_000)


def usage_event(
    *,
    call_id: str | None = None,
    time: datetime | None = None,
    input_tokens: int = 120,
    cached_input_tokens: int = 0,
    output_tokens: int = 30,
    **data: Any,
) -> UsageEnvelope:
    """One settled call. `data` overrides fields of `UsageRecorded`; the lines and the cost follow from the tokens."""
    fields: dict[str, Any] = {
        "tenant_id": "tnt_00000000000000000000000000000001",
        "key_id": "key_00000000000000000000000000000001",
        "alias": "demo",
        "route_id": "rte_00000000000000000000000000000001",
        "provider": "openai-compatible",
        "model": "smollm2-135m",
        "operation": "chat.completions",
        "stream": False,
        "status": "succeeded",
        "http_status": 200,
        "error_code": None,
        "tokens": Tokens(input=input_tokens, cached_input=cached_input_tokens, output=output_tokens),
        "estimated": False,
        "lines": [
            PricedLine(kind="input", quantity=input_tokens, price=str(_INPUT_PRICE)),
            PricedLine(kind="output", quantity=output_tokens, price=str(_OUTPUT_PRICE)),
        ],
        "cost_nano_usd": str(nano_usd(input_tokens * _INPUT_PRICE + output_tokens * _OUTPUT_PRICE)),
        "price_version": "prc_00000000000000000000000000000001",
        "latency_ms": 420,
        "first_token_ms": 60,
    }
    return UsageEnvelope(
        id=call_id or new_id("req"),
        type="usage.recorded.v1",
        source="edge-1",
        time=time or datetime.now(UTC),
        data=UsageRecorded(**(fields | data)),
    )


def usage_message(events: Sequence[UsageEnvelope]) -> bytes:
    """The message an edge publishes for a batch of events."""
    return msgspec.json.encode(events)
