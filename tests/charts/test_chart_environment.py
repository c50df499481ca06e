"""What the chart puts into each container's environment is what that process reads: its own settings accept it."""

import importlib
import os
from pathlib import Path
from typing import Final

import pytest
from pydantic_settings import BaseSettings
from tests.charts.conftest import CHART, Object, Render, Rendered, Tools

from common.configuration.keys import settings_in

COMMON: Final = {"OMG_LISTEN_HOST", "OMG_LISTEN_PORT", "OMG_LOG_LEVEL", "OMG_NATS_REPLICAS", "NATS_URL"}
KEYS: Final = {"OMG_KEY_HASH_SECRET", "OMG_ENCRYPTION_KEYS"}

# The contract: exactly these variables, so that a process never holds a secret it has no use for.
EXPECTED: Final = {
    "edge-proxy": COMMON
    | KEYS
    | {
        "REDIS_URL",
        "OMG_STATE_DIR",
        "OMG_REPLICA_ID",
        "OMG_REPLICAS",
        "OMG_MAX_BODY_BYTES",
        "OMG_JOURNAL_MAX_BYTES",
        "OMG_UPSTREAM_CONNECT_TIMEOUT",
        "OMG_UPSTREAM_FIRST_BYTE_TIMEOUT",
        "OMG_UPSTREAM_IDLE_TIMEOUT",
        "OMG_UPSTREAM_TOTAL_TIMEOUT",
        "OMG_HEALTH_CHECK_SECONDS",
        "OMG_MAX_STREAMS",
        "OMG_ATTRIBUTION",
        "OMG_DRAIN_DELAY_SECONDS",
        "OMG_DRAIN_SECONDS",
    },
    "admin-api": COMMON
    | KEYS
    | {
        "DATABASE_URL",
        "REDIS_URL",
        "OMG_PUBLIC_GATEWAY_URL",
        "OMG_SECURE_COOKIES",
        "OMG_ALLOW_PRIVATE_UPSTREAMS",
    },
    "admin-api-worker": COMMON | {"DATABASE_URL", "REDIS_URL"},
    "batch-runner": COMMON | {"DATABASE_URL"},
    "file-service": COMMON | {"DATABASE_URL"},
    "alerts": COMMON | {"DATABASE_URL", "OMG_ENCRYPTION_KEYS"},
}

SETTINGS: Final = {
    "edge-proxy": "edge_proxy.settings:EdgeSettings",
    "admin-api": "admin_api.settings:ServeSettings",
    "admin-api-worker": "admin_api.settings:WorkerSettings",
    "batch-runner": "batch_runner.settings:ServeSettings",
    "file-service": "file_service.settings:ServeSettings",
    "alerts": "alerts.settings:ServeSettings",
    "admin-api-migrate": "admin_api.settings:MigrateSettings",
    "batch-runner-migrate": "batch_runner.settings:MigrateSettings",
    "file-service-migrate": "file_service.settings:MigrateSettings",
    "alerts-migrate": "alerts.settings:MigrateSettings",
    "admin-api-bootstrap": "admin_api.settings:BootstrapSettings",
}
WITH_BOOTSTRAP: Final = ("minimal", "--set", "bootstrap.existingSecret=bootstrap")


def environment_of(rendered: Rendered, pod: Object) -> dict[str, str]:
    """The environment of a pod's only container, resolved as the kubelet does from what the chart renders."""
    [container] = pod["containers"]
    contents: dict[tuple[str, str], dict[str, str]] = {
        (obj["kind"], obj["metadata"]["name"]): obj.get("data") or obj.get("stringData") or {}
        for obj in rendered.of_kind("ConfigMap", "Secret")
    }
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        environment |= contents["ConfigMap", source["configMapRef"]["name"]]
    for variable in container["env"]:
        match variable:
            case {"value": value}:
                environment[variable["name"]] = value
            case {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}:
                environment[variable["name"]] = contents["Secret", name][key]
            case {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}:
                environment[variable["name"]] = "the-pods-name-0"
    return environment


def pods_by_component(rendered: Rendered) -> dict[str, Object]:
    """Pod specs by their component label, without the helm test, which reads no variable."""
    return {
        metadata["labels"]["app.kubernetes.io/component"]: spec
        for name, metadata, spec in rendered.pods()
        if not name.startswith("Pod ")
    }


@pytest.mark.parametrize("component", EXPECTED)
def test_variables_are_those_of_the_contract(render: Render, component: str) -> None:
    rendered = render("minimal")
    assert environment_of(rendered, pods_by_component(rendered)[component]).keys() == EXPECTED[component]


def test_every_pod_is_compared_with_its_settings(render: Render) -> None:
    assert pods_by_component(render(*WITH_BOOTSTRAP)).keys() == SETTINGS.keys()


@pytest.mark.parametrize("component", SETTINGS)
def test_the_process_accepts_its_environment(render: Render, monkeypatch: pytest.MonkeyPatch, component: str) -> None:
    rendered = render(*WITH_BOOTSTRAP)
    environment = environment_of(rendered, pods_by_component(rendered)[component])
    for name in list(os.environ):
        if name.startswith("OMG_") or name in {"DATABASE_URL", "NATS_URL", "REDIS_URL"}:
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    module, _, class_name = SETTINGS[component].partition(":")
    settings: BaseSettings = getattr(importlib.import_module(module), class_name)()

    # Each variable reached a field: a misspelt optional one would be silently ignored.
    known = {setting.variable for setting in settings_in(type(settings))}
    shared_with_serve = {"OMG_NATS_REPLICAS", *EXPECTED["admin-api"]} if component == "admin-api-bootstrap" else set()
    assert environment.keys() - known - shared_with_serve == set()


def test_values_arrive_as_written(render: Render) -> None:
    rendered = render("air-gapped")
    edge = rendered.named("ConfigMap", "-edge-proxy")["data"]
    assert edge["OMG_JOURNAL_MAX_BYTES"] == "4294967296"  # and not 4.294967296e+09
    assert edge["OMG_MAX_BODY_BYTES"] == "16777216"
    assert edge["OMG_UPSTREAM_TOTAL_TIMEOUT"] == "1800"
    admin = rendered.named("ConfigMap", "-admin-api")["data"]
    assert admin["OMG_PUBLIC_GATEWAY_URL"] == "https://llm.internal"
    assert admin["OMG_ALLOW_PRIVATE_UPSTREAMS"] == "true"


@pytest.mark.parametrize(
    ("value_set", "arguments", "expected"),
    [
        ("minimal", (), "http://omg-open-model-gateway-edge-proxy.gateway.svc"),
        (
            "minimal",
            ("--set", "edgeProxy.service.port=8080"),
            "http://omg-open-model-gateway-edge-proxy.gateway.svc:8080",
        ),
        ("production", (), "https://api.example.com"),
    ],
)
def test_portal_knows_where_the_gateway_is(
    render: Render, value_set: str, arguments: tuple[str, ...], expected: str
) -> None:
    config = render(value_set, *arguments).named("ConfigMap", "-admin-api")
    assert config["data"]["OMG_PUBLIC_GATEWAY_URL"] == expected


def test_secrets_come_from_where_the_values_say(render: Render) -> None:
    rendered = render("production")
    sources = {
        component: {
            variable["name"]: (
                variable["valueFrom"]["secretKeyRef"]["name"],
                variable["valueFrom"]["secretKeyRef"]["key"],
            )
            for variable in spec["containers"][0]["env"]
            if "secretKeyRef" in variable.get("valueFrom", {})
        }
        for component, spec in pods_by_component(rendered).items()
    }
    assert sources["edge-proxy"] == {name: ("gateway", name) for name in ("NATS_URL", "REDIS_URL", *KEYS)}
    assert sources["admin-api"]["REDIS_URL"] == ("gateway", "REDIS_URL")
    assert sources["admin-api"]["DATABASE_URL"] == ("postgres-admin-api", "uri")
    assert sources["admin-api-worker"]["DATABASE_URL"] == ("postgres-admin-api", "uri")
    for service in ("admin-api", "batch-runner", "file-service", "alerts"):
        assert sources[f"{service}-migrate"] == {"DATABASE_URL": (f"postgres-{service}", "uri")}
    assert sources["admin-api-bootstrap"].keys() == {"DATABASE_URL", *KEYS}


CONFIG: Final = (
    "--set", "config.server.max_streams=77", "--set", "config.upstream.total_timeout=1000",
    "--set", "config.observability.log_level=debug", "--set", "config.edge.journal_max_bytes=1073741825",
)  # fmt: skip


@pytest.mark.parametrize("component", [name for name in SETTINGS if not name.endswith(("-migrate", "-bootstrap"))])
def test_the_process_accepts_the_file_of_settings(
    render: Render, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, component: str
) -> None:
    rendered = render("minimal", *CONFIG)
    pod = pods_by_component(rendered)[component]
    environment = environment_of(rendered, pod)
    [volume] = [each for each in pod["volumes"] if each["name"] == "config"]
    [mount] = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "config"]
    content = rendered.named("ConfigMap", volume["configMap"]["name"])["data"]
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    assert environment["OMG_CONFIG_FILE"].startswith(mount["mountPath"] + "/")
    for name in list(os.environ):
        if name.startswith("OMG_") or name in {"DATABASE_URL", "NATS_URL", "REDIS_URL"}:
            monkeypatch.delenv(name)
    environment["OMG_CONFIG_FILE"] = environment["OMG_CONFIG_FILE"].replace(mount["mountPath"], str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    module, _, class_name = SETTINGS[component].partition(":")
    settings = getattr(importlib.import_module(module), class_name)()

    assert settings.log_level == "debug"
    if component == "edge-proxy":
        read = (settings.max_streams, settings.upstream_total_timeout, settings.journal_max_bytes)
        assert read == (77, 1000, 1073741825)
        assert settings.max_body_bytes == 16777216  # not in the file: as in the values


def test_a_changed_file_restarts_who_reads_it(render: Render) -> None:
    def checksums(*arguments: str) -> dict[str, str]:
        return {
            name: metadata["annotations"]["checksum/settings"]
            for name, metadata, _ in render("minimal", *CONFIG, *arguments).pods()
            if "checksum/settings" in metadata.get("annotations", {})
        }

    before = checksums()
    assert len(before) == 6
    assert checksums("--set", "config.server.max_streams=78").items().isdisjoint(before.items())
    models = checksums("--set", "config.model_catalog[0].alias=a")
    assert {name for name in before if models[name] != before[name]} == {"Deployment omg-open-model-gateway-admin-api"}


@pytest.mark.parametrize("key", ["server.listen_port", "edge.state_dir", "edge.replicas", "server.drain_seconds"])
def test_what_the_chart_depends_on_cannot_be_said_in_the_file(tools: Tools, key: str) -> None:
    values = CHART / "ci" / "minimal-values.yaml"
    result = tools.run_helm("template", "omg", CHART, "--values", values, "--set", f"config.{key}=1")
    assert result.returncode != 0
    assert f"config.{key}: " in result.stderr
