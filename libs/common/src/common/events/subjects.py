"""Every stream, subject and bucket name. A name that is not here does not exist.

Facts are `<owner>.<noun>.<past tense>.v<N>`; fields are only added to a version, never changed.
"""

import base64
from typing import Final

USAGE_STREAM: Final = "USAGE"
USAGE_SUBJECTS: Final = "usage.>"
USAGE_RECORDED: Final = "usage.recorded.v1"
LEDGER_CONSUMER: Final = "ledger"

BUDGET_STREAM: Final = "BUDGETS"
BUDGET_SUBJECTS: Final = "budget.>"
BUDGET_THRESHOLD_CROSSED: Final = "budget.threshold_crossed.v1"

PROVIDER_STREAM: Final = "PROVIDERS"
PROVIDER_SUBJECTS: Final = "provider.>"
PROVIDER_ROUTE_OPENED: Final = "provider.route_opened.v1"
PROVIDER_ROUTE_CLOSED: Final = "provider.route_closed.v1"

KEY_STREAM: Final = "KEYS"
KEY_SUBJECTS: Final = "key.>"
KEY_EXPIRING: Final = "key.expiring.v1"

BATCH_STREAM: Final = "BATCHES"
BATCH_SUBJECTS: Final = "batch.>"
BATCH_ENDED: Final = "batch.ended.v1"

ALERTS_CONSUMER: Final = "alerts"
"""On each of the streams that people are told of: budgets, providers, keys, batches."""

ALERTS_LIST: Final = "alerts.list"
ALERTS_READ: Final = "alerts.read"
ALERTS_REDELIVER: Final = "alerts.redeliver"
ALERTS_TEST: Final = "alerts.test"
"""Core NATS: questions to the service alerts, which one of its replicas answers (`events.alerts`)."""

ROUTES_BREAKER: Final = "routes.breaker"
"""Core NATS, kept by no stream: what the edge's replicas tell each other about routes, worth nothing a minute later."""

EDGE_STATUS: Final = "edge.status"
"""Core NATS, kept by no stream: a question that every replica of the edge answers (`events.status`)."""

DEAD_LETTER_STREAM: Final = "DEAD_LETTERS"
DEAD_LETTER_SUBJECTS: Final = "dead.>"

KEYS_BUCKET: Final = "keys"
POLICIES_BUCKET: Final = "policies"
CATALOG_BUCKET: Final = "catalog"
SETTINGS_BUCKET: Final = "settings"
BUDGETS_BUCKET: Final = "budgets"
ALERTS_BUCKET: Final = "alerts"
CONFIG_BUCKETS: Final = (
    KEYS_BUCKET,
    POLICIES_BUCKET,
    CATALOG_BUCKET,
    SETTINGS_BUCKET,
    BUDGETS_BUCKET,
    ALERTS_BUCKET,
)

SPEND_BUCKET: Final = "spend"
"""Not configuration: what budgets have spent, as the ledger knows it."""

LIMITS_SETTING: Final = "limits"
"""The one key of the settings bucket so far."""


def dead_letter_subject(subject: str) -> str:
    """Where a message of `subject` goes that no consumer can read."""
    return f"dead.{subject}"


def catalog_key(alias: str) -> str:
    """The key of an alias in the catalog bucket: aliases hold characters (`/`, `:`) that bucket keys must not."""
    return base64.urlsafe_b64encode(alias.encode()).decode().rstrip("=")


def catalog_alias(key: str) -> str:
    """The alias a catalog key stands for; a key that stands for none is returned as it is (no alias equals it usefully)."""
    try:
        return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode()
    except ValueError:
        return key
