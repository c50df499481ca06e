"""values.schema.json: what it refuses, that it knows every value, and that its reader is told which value is wrong."""

import json
from typing import Any

import pytest
import yaml
from tests.charts.conftest import CHART, Render, Tools


@pytest.mark.parametrize(
    ("argument", "blamed"),
    [
        ("edgeproxy.replicas=2", "edgeproxy"),
        ("edgeProxy.replica=2", "replica"),
        ("alerts.maxBodyBytes=5", "maxBodyBytes"),
        ("edgeProxy.replicas=-1", "/edgeProxy/replicas"),
        ("edgeProxy.replicas=two", "/edgeProxy/replicas"),
        ("edgeProxy.timeouts.total=0", "/edgeProxy/timeouts/total"),
        ("edgeProxy.persistence.size=big", "/edgeProxy/persistence/size"),
        ("edgeProxy.image=edge-proxy:latest", "/edgeProxy/image"),
        ("edgeProxy.image=edge-proxy", "/edgeProxy/image"),
        ("edgeProxy.ingress.enabled=true", "/edgeProxy/ingress/host"),
        ("edgeProxy.resources.limits.memory=1 GB", "/edgeProxy/resources/limits/memory"),
        ("adminApi.publicGatewayUrl=gateway.example.com", "/adminApi/publicGatewayUrl"),
        ("adminApi.publicGatewayUrl=https://gateway.example.com/v1", "/adminApi/publicGatewayUrl"),
        ("adminApi.secureCookies=maybe", "/adminApi/secureCookies"),
        ("image.tag=latest", "/image/tag"),
        ("image.registry=https://registry.example.com", "/image/registry"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("logLevel=loud", "/logLevel"),
        ("natsReplicas=7", "/natsReplicas"),
        ("podSecurity.runAsUser=0", "/podSecurity/runAsUser"),
        ("secrets.keyHashSecret.value=abc123", "/secrets/keyHashSecret/value"),
        ("secrets.encryptionKeys.value=k1:too-short", "/secrets/encryptionKeys/value"),
        ("secrets.natsUrl.value=http://nats:4222", "/secrets/natsUrl/value"),
        ("secrets.redisUrl.value=redis:6379", "/secrets/redisUrl/value"),
        ("secrets.alertsDatabaseUrl.value=mysql://host/omg", "/secrets/alertsDatabaseUrl/value"),
        ("secrets.natsUrl.existingSecret=nats", "/secrets/natsUrl"),  # next to its value: which one counts?
        ("networkPolicy.postgres.port=99999", "/networkPolicy/postgres/port"),
        ("networkPolicy.clients[0].cidr=10.0.0.0/8", "/networkPolicy/clients/0"),
        ("defaults.podDisruptionBudget.maxUnavailable=0", "/defaults/podDisruptionBudget/maxUnavailable"),
    ],
)
def test_wrong_values_are_refused(tools: Tools, argument: str, blamed: str) -> None:
    values = CHART / "ci" / "minimal-values.yaml"
    result = tools.run_helm("template", "omg", CHART, "--values", values, "--set", argument)
    assert result.returncode != 0
    assert "values don't meet the specifications of the schema" in result.stderr
    assert blamed in result.stderr


@pytest.mark.parametrize(
    "argument",
    [
        "secrets.natsUrl.value=nats://u:p@a:4222\\,tls://b:4222",
        "secrets.redisUrl.value=rediss://:p@redis:6380/1",
        "edgeProxy.image=registry.example.com:5000/omg/edge-proxy:1.2.3",
        "edgeProxy.podDisruptionBudget.maxUnavailable=25%",
        "podSecurity.fsGroup=null",
        "global.anything=goes",
    ],
)
def test_right_values_are_taken(render: Render, argument: str) -> None:
    assert render("minimal", "--set", argument).objects


def test_a_timeout_may_be_a_fraction_of_a_second(render: Render) -> None:
    rendered = render("minimal", "--set-json", "edgeProxy.timeouts.connect=0.5")
    assert rendered.named("ConfigMap", "-edge-proxy")["data"]["OMG_UPSTREAM_CONNECT_TIMEOUT"] == "0.5"


def _open_objects(schema: Any, path: str = "") -> list[str]:
    """Where the schema describes an object's properties and yet lets others in."""
    found = []
    if isinstance(schema, dict):
        if (
            schema.get("type") == "object"
            and "properties" in schema
            and schema.get("additionalProperties") is not False
        ):
            found.append(path)
        for name, part in schema.items():
            found += _open_objects(part, f"{path}/{name}")
    return found


def test_the_schema_is_strict_everywhere() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert _open_objects(schema) == []
    assert schema["additionalProperties"] is False
    # Every top-level value is written down in values.yaml; `global` is Helm's own.
    assert schema["properties"].keys() - {"global"} == yaml.safe_load((CHART / "values.yaml").read_text()).keys()


def test_every_component_takes_every_default() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())["defaults"].keys()
    assert schema["defaults"]["properties"].keys() == defaults
    for name in ("edgeProxy", "adminApi", "adminApiWorker", "batchRunner", "fileService", "alerts"):
        assert defaults <= schema[name]["properties"].keys(), name


def test_a_component_overrides_a_default_with_something_falsy(render: Render) -> None:
    arguments = ("--set", "defaults.replicas=3", "--set", "alerts.replicas=0")
    rendered = render("minimal", *arguments)
    assert rendered.named("Deployment", "-alerts")["spec"]["replicas"] == 0
    assert rendered.named("Deployment", "-file-service")["spec"]["replicas"] == 3
