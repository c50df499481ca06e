import shlex
from pathlib import Path

import pytest

from devstack.data_folder import DataFolder
from devstack.provision import SCHEMAS
from devstack.secrets_file import Secrets
from devstack.services import SERVICES, Backends, service_environment, service_program
from devstack.welcome import curl_line


@pytest.fixture
def backends(tmp_path: Path) -> Backends:
    return Backends(
        database_urls={role: f"postgresql://{role}:pw@127.0.0.1:1/omg" for role in SCHEMAS},
        redis_url="redis://:pw@127.0.0.1:2/0",
        nats_url="nats://omg:pw@127.0.0.1:3",
        secrets=Secrets.generate(),
        data=DataFolder(tmp_path),
        ports={service.port: 20_000 + number for number, service in enumerate(SERVICES)},
        portal_folder="/portal",
    )


def test_each_service_gets_its_own_role_and_the_edge_no_database(backends: Backends) -> None:
    for service in SERVICES:
        url = service_environment(service, backends).get("DATABASE_URL")
        if service.name == "edge-proxy":
            assert url is None
        else:
            assert url == backends.database_urls[service.package]


def test_who_can_read_keys_and_credentials(backends: Backends) -> None:
    """alerts opens the secrets of webhooks and of the mail server; it knows no API key."""
    for service in SERVICES:
        environment = service_environment(service, backends)
        assert ("OMG_KEY_HASH_SECRET" in environment) is (service.package in {"edge_proxy", "admin_api"})
        assert ("OMG_ENCRYPTION_KEYS" in environment) is (service.package in {"edge_proxy", "admin_api", "alerts"})


def test_provider_keys_and_foreign_urls_stay_out_of_every_process(
    backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-services")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@elsewhere/db")
    monkeypatch.setenv("OMG_KEY_HASH_SECRET", "ours-wins")
    for service in SERVICES:
        values = service_environment(service, backends)
        assert "sk-not-for-services" not in values.values()
        assert "postgresql://somebody@elsewhere/db" not in values.values()
        if service.package in {"edge_proxy", "admin_api"}:
            assert values["OMG_KEY_HASH_SECRET"] == backends.secrets.key_hash_secret


def test_a_proxy_of_the_machine_is_not_used_between_our_processes(
    backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = service_environment(SERVICES[0], backends)
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_every_process_listens_on_the_loopback_interface_with_a_port_and_a_log_of_its_own(backends: Backends) -> None:
    programs = [service_program(service, backends) for service in SERVICES]
    assert {program.spec.environment["OMG_LISTEN_HOST"] for program in programs} == {"127.0.0.1"}
    assert len({program.spec.environment["OMG_LISTEN_PORT"] for program in programs}) == len(SERVICES)
    assert len({program.spec.log for program in programs}) == len(SERVICES)


def test_the_curl_line_is_one_line_a_shell_reads_as_meant() -> None:
    line = curl_line("http://127.0.0.1:8090", "sk-abc", "demo")
    assert "\n" not in line
    words = shlex.split(line)
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8090/v1/chat/completions"]
    assert "Authorization: Bearer sk-abc" in words
