"""Made-up calls for a dashboard to show: pure functions, no I/O, no clock.

The same seed gives the same calls, ids included, so that publishing them twice changes nothing in the ledger.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from common.events.subjects import USAGE_RECORDED
from common.events.usage import CallStatus, PricedLine, Tokens, UsageEnvelope, UsageRecorded
from common.money import PricePerMillion, nano_usd, parse_price

_HOUR: Final = timedelta(hours=1)
# Calls of an ordinary weekday by hour of day (UTC), as shares of the busiest hour.
_DAY: Final = (8, 6, 5, 5, 6, 10, 22, 45, 75, 92, 100, 96, 82, 90, 98, 94, 84, 66, 48, 36, 28, 22, 16, 11)
_WEEKEND: Final = 0.35
_BUSIEST_HOUR_CALLS: Final = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoModel:
    """A model of the made-up catalog; prices in USD per million tokens, `speed` in output tokens per second."""

    alias: str
    provider: str
    input: str
    cached_input: str
    output: str
    speed: float
    first_token_ms: int

    @property
    def prices(self) -> dict[str, PricePerMillion]:
        """Nano-USD per million tokens by kind of line."""
        return {kind: parse_price(getattr(self, kind)) for kind in ("input", "cached_input", "output")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Who calls: a name for its API key, its share of all calls, the models it uses, and the size of its calls in tokens."""

    key_name: str
    share: float
    models: tuple[DemoModel, ...]
    input_tokens: int
    output_tokens: int
    cached_share: float
    stream: bool


_TERRA: Final = DemoModel(
    alias="gpt-6.1-terra", provider="openai", input="1", cached_input="0.05", output="5", speed=95, first_token_ms=420
)
_LUNA: Final = DemoModel(
    alias="gpt-6-luna",
    provider="openai",
    input="0.10",
    cached_input="0.01",
    output="0.50",
    speed=180,
    first_token_ms=240,
)
_MISTRAL: Final = DemoModel(
    alias="mistral-medium-latest",
    provider="openai-compatible",
    input="1.50",
    cached_input="0.15",
    output="7.50",
    speed=70,
    first_token_ms=350,
)
_OSS: Final = DemoModel(
    alias="groq/gpt-oss-120b",
    provider="openai-compatible",
    input="0.15",
    cached_input="0.075",
    output="0.60",
    speed=480,
    first_token_ms=160,
)
APPLICATIONS: Final = (
    Application(
        key_name="Support chat",
        share=0.55,
        models=(_LUNA, _LUNA, _LUNA, _TERRA),
        input_tokens=1400,
        output_tokens=260,
        cached_share=0.6,
        stream=True,
    ),
    Application(
        key_name="Document search",
        share=0.3,
        models=(_OSS, _OSS, _MISTRAL),
        input_tokens=6200,
        output_tokens=420,
        cached_share=0.35,
        stream=False,
    ),
    Application(
        key_name="Code review",
        share=0.15,
        models=(_TERRA, _TERRA, _MISTRAL),
        input_tokens=9800,
        output_tokens=1500,
        cached_share=0.5,
        stream=True,
    ),
)


def demo_calls(*, tenant_id: str, key_ids: Sequence[str], start: datetime, end: datetime) -> Iterator[UsageEnvelope]:
    """The calls of a tenant between two moments (aware), oldest first; `key_ids` go with `APPLICATIONS`.

    Each hour is made from the tenant and the hour alone, so overlapping ranges agree where they overlap.
    """
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        made = sorted(_calls_of_hour(tenant_id, key_ids, hour), key=lambda call: call.time)
        yield from (call for call in made if start <= call.time < end)
        hour += _HOUR


def _calls_of_hour(tenant_id: str, key_ids: Sequence[str], hour: datetime) -> Iterator[UsageEnvelope]:
    seed = hashlib.sha256(f"{tenant_id} {hour.isoformat()}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - made-up numbers that must be the same every time
    weekend = _WEEKEND if hour.weekday() >= 5 else 1.0
    expected = _BUSIEST_HOUR_CALLS * _DAY[hour.hour] / 100 * weekend
    for _ in range(max(0, round(chance.gauss(expected, expected / 6)))):
        index = chance.choices(range(len(APPLICATIONS)), weights=[application.share for application in APPLICATIONS])[0]
        moment = hour + timedelta(microseconds=chance.randrange(3_600_000_000))
        yield _call(chance, tenant_id, key_ids[index], APPLICATIONS[index], moment)


def _call(
    chance: random.Random, tenant_id: str, key_id: str, application: Application, moment: datetime
) -> UsageEnvelope:
    model = chance.choice(application.models)
    status, http_status, error_code = _outcome(chance)
    tokens = _tokens(chance, application, status)
    lines, total = [], 0
    for kind, quantity in (
        ("input", tokens.input - tokens.cached_input),
        ("cached_input", tokens.cached_input),
        ("output", tokens.output),
    ):
        if quantity:
            price = model.prices[kind]
            lines.append(PricedLine(kind=kind, quantity=quantity, price=str(price)))
            total += quantity * price
    first_token_ms = round(model.first_token_ms * chance.lognormvariate(0, 0.3))
    latency_ms = first_token_ms + round(tokens.output / model.speed * 1000)
    return UsageEnvelope(
        id=f"req_{int(moment.timestamp() * 1000):012x}{chance.getrandbits(80):020x}",
        type=USAGE_RECORDED,
        source="demo-data",
        time=moment,
        data=UsageRecorded(
            tenant_id=tenant_id,
            key_id=key_id,
            alias=model.alias,
            route_id=f"rte_demo_{model.alias}",
            provider=model.provider,
            model=model.alias,
            operation="chat.completions",
            stream=application.stream,
            status=status,
            http_status=http_status,
            error_code=error_code,
            tokens=tokens,
            estimated=status == "aborted",
            lines=lines,
            cost_nano_usd=str(nano_usd(total)),
            price_version="prc_demo",
            latency_ms=latency_ms,
            first_token_ms=first_token_ms if status != "failed" else None,
        ),
    )


def _outcome(chance: random.Random) -> tuple[CallStatus, int, str | None]:
    drawn = chance.random()
    if drawn < 0.012:
        return "failed", 502, "upstream_error"
    if drawn < 0.018:
        return "failed", 429, "upstream_rate_limited"
    if drawn < 0.025:
        return "aborted", 200, "client_disconnected"
    return "succeeded", 200, None


def _tokens(chance: random.Random, application: Application, status: CallStatus) -> Tokens:
    if status == "failed":
        return Tokens()
    size_in = round(application.input_tokens * chance.lognormvariate(0, 0.5))
    size_out = round(application.output_tokens * chance.lognormvariate(0, 0.6))
    cached = round(size_in * application.cached_share * chance.random())
    if status == "aborted":
        size_out, cached = round(size_out * chance.random()), 0
    return Tokens(input=size_in, cached_input=cached, output=size_out)
