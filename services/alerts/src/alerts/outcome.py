"""What became of an attempt. Reasons are for people who may see the alert: no secret, and nothing of what the other side sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` null: it arrived. `final`: trying again cannot help. `retry_after` is what the other side asked for, in seconds."""

    error: str | None = None
    status_code: int | None = None
    final: bool = False
    retry_after: float | None = None
