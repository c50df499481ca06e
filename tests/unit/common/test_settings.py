"""Settings are read from the environment in one way, whichever groups a service combines."""

import pytest
from pydantic import SecretStr, model_validator

from common.settings import BusSettings, DatabaseSettings, ProcessSettings, from_environment


class Forwards(ProcessSettings, DatabaseSettings, BusSettings):
    pass


class Backwards(BusSettings, DatabaseSettings, ProcessSettings):
    pass


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("OMG_LISTEN_PORT", "OMG_NATS_REPLICAS", "OMG_DATABASE_POOL_SIZE", "NATS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("settings", [Forwards, Backwards])
def test_groups_combine_in_any_order(
    environment: pytest.MonkeyPatch, settings: type[Forwards] | type[Backwards]
) -> None:
    for name, value in {
        "OMG_LISTEN_PORT": "9001",
        "OMG_NATS_REPLICAS": "3",
        "OMG_DATABASE_POOL_SIZE": "7",
        "NATS_URL": "nats://a",
        "DATABASE_URL": "postgresql://b",
    }.items():
        environment.setenv(name, value)

    read = from_environment(settings)

    assert (read.listen_port, read.nats_replicas, read.database_pool_size) == (9001, 3, 7)
    assert (read.nats_url.get_secret_value(), read.database_url.get_secret_value()) == ("nats://a", "postgresql://b")


def test_what_is_wrong_is_named_as_it_is_set_and_no_value_is_told(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("NATS_URL", "nats://user:secret-word@host")
    environment.setenv("OMG_LISTEN_PORT", "secret-port")

    with pytest.raises(SystemExit) as ended:
        from_environment(Forwards)

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "  DATABASE_URL: Field required\n" in told
    assert "  OMG_LISTEN_PORT: " in told
    assert "secret" not in told


def test_settings_that_do_not_go_together_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Picky(ProcessSettings):
        @model_validator(mode="after")
        def agree(self) -> "Picky":
            raise ValueError("choose one")

    with pytest.raises(SystemExit):
        from_environment(Picky)

    assert "together: Value error, choose one" in capsys.readouterr().err


def test_secrets_do_not_show_in_the_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NATS_URL", "nats://user:secret-word@host")

    settings = BusSettings()

    assert isinstance(settings.nats_url, SecretStr)
    assert "secret-word" not in repr(settings)
