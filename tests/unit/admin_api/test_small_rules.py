"""The rules that fit on a line or two: what a key is worth, how an address is spelled, what may be a name or a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from admin_api.api_keys.domain import status_of
from admin_api.fields import Moment, Name
from admin_api.settings import ServeSettings
from admin_api.users.domain import normal_email
from common.settings import from_environment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("revoked_at", "suspended_at", "expires_at", "status"),
    [
        (None, None, None, "active"),
        (None, None, NOW + SECOND, "active"),
        (None, None, NOW, "expired"),
        (None, NOW, None, "suspended"),
        (None, NOW, NOW, "expired"),
        (NOW, None, None, "revoked"),
        (NOW, NOW, NOW - SECOND, "revoked"),
    ],
)
def test_what_a_key_is_worth(
    revoked_at: datetime | None, suspended_at: datetime | None, expires_at: datetime | None, status: str
) -> None:
    found = status_of(revoked_at=revoked_at, suspended_at=suspended_at, expires_at=expires_at, now=NOW)

    assert found == status


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Admin@Example.COM", "admin@example.com"),
        ("  a@b.c\t", "a@b.c"),
        ("Jose\u0301@example.com", "jos\u00e9@example.com"),
        ("STRASSE@x.y", "strasse@x.y"),
    ],
)
def test_one_address_has_one_spelling(typed: str, stored: str) -> None:
    assert normal_email(typed) == stored
    assert normal_email(stored) == stored


@pytest.mark.parametrize(("typed", "name"), [("  x ", "x"), ("Ünïcode 名前", "Ünïcode 名前"), ("x" * 100, "x" * 100)])
def test_names(typed: str, name: str) -> None:
    assert TypeAdapter(Name).validate_python(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "a\nb", "a\u0000", "x" * 101, "\ud800", 1, None])
def test_what_is_no_name(typed: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(typed)


def test_a_moment_is_turned_to_utc() -> None:
    assert TypeAdapter(Moment).validate_python("2026-01-01T02:00:00+02:00") == NOW
    assert TypeAdapter(Moment).validate_python("2026-01-01T02:00:00+02:00").tzinfo is UTC


@pytest.mark.parametrize(
    "typed", ["2026-01-01T00:00:00", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "x"]
)
def test_what_is_no_moment(typed: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(typed)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("https://llm.example/", "https://llm.example"),
        ("https://llm.example/v1", "https://llm.example"),
        ("https://llm.example/gateway/v1/", "https://llm.example/gateway"),
    ],
)
def test_the_gateway_s_address_is_without_v1(given: str, base: str) -> None:
    settings = ServeSettings.model_validate(
        {
            "database_url": "postgresql://x",
            "redis_url": "redis://x",
            "nats_url": "nats://x",
            "key_hash_secret": "ab" * 32,
            "encryption_keys": "k:" + "A" * 43 + "=",
            "public_gateway_url": given,
        }
    )

    assert settings.gateway_url == base


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMG_KEY_HASH_SECRET", "abcd"),
        ("OMG_KEY_HASH_SECRET", "zz" * 32),
        ("OMG_ENCRYPTION_KEYS", "hunter2"),
        ("REDIS_URL", "http://hunter2"),
        ("OMG_PUBLIC_GATEWAY_URL", "hunter2.example"),
        ("OMG_SECURE_COOKIES", "hunter2"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    right = {
        "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1/x",
        "REDIS_URL": "redis://:hunter2@127.0.0.1",
        "NATS_URL": "nats://127.0.0.1",
        "OMG_KEY_HASH_SECRET": "ab" * 32,
        "OMG_ENCRYPTION_KEYS": "k:" + "A" * 43 + "=",
    }
    for each, text in {**right, name: value}.items():
        monkeypatch.setenv(each, text)

    with pytest.raises(SystemExit) as ended:
        from_environment(ServeSettings)

    complaint = capsys.readouterr().err
    assert ended.value.code == 2
    assert name in complaint
    assert "hunter2" not in complaint
