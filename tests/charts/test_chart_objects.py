"""How the chart's objects fit together: selectors and labels, probes, stopping, hooks, scaling, ingress, network policies."""

import re
from typing import Any

import pytest
from tests.charts.conftest import Object, Render, Rendered, component

HOOK = "helm.sh/hook"
SERVICES_WITH_A_SCHEMA = ("admin-api", "batch-runner", "file-service", "alerts")


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether labels satisfy a `matchLabels`."""
    return selector.items() <= labels.items()


def test_selectors_pick_exactly_their_own_pods(rendered: Rendered) -> None:
    pods = [
        (metadata["labels"]["app.kubernetes.io/component"], metadata["labels"]) for _, metadata, _ in rendered.pods()
    ]
    selectors = [(obj, obj["spec"]["selector"]["matchLabels"]) for obj in rendered.workloads()]
    selectors += [(obj, obj["spec"]["selector"]) for obj in rendered.of_kind("Service")]
    selectors += [(obj, obj["spec"]["selector"]["matchLabels"]) for obj in rendered.of_kind("PodDisruptionBudget")]
    selectors += [(obj, obj["spec"]["podSelector"]["matchLabels"]) for obj in rendered.of_kind("NetworkPolicy")]
    for obj, selector in selectors:
        picked = [name for name, labels in pods if matches(selector, labels)]
        assert picked == [component(obj)], f"{obj['kind']} {obj['metadata']['name']} selects {picked}"


def test_two_releases_in_a_namespace_do_not_mix(render: Render) -> None:
    for selector in (obj["spec"]["selector"] for obj in render("minimal").of_kind("Service")):
        assert selector["app.kubernetes.io/instance"] == "omg"


def test_services_lead_to_a_port_that_is_there(rendered: Rendered) -> None:
    by_component = {component(workload): workload for workload in rendered.workloads()}
    for service in rendered.of_kind("Service"):
        [container] = by_component[component(service)]["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
        assert ports["http"] == 8080


def test_images_are_pinned(rendered: Rendered) -> None:
    for name, _, spec in rendered.pods():
        for container in spec["containers"]:
            image = container["image"]
            assert re.search(r"(:\d+\.\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})$", image), f"{name}: {image}"
            assert not image.endswith(":latest")


def test_images_come_from_where_the_values_say(render: Render) -> None:
    images = {
        metadata["labels"]["app.kubernetes.io/component"]: spec["containers"][0]["image"]
        for _, metadata, spec in render("air-gapped").pods()
    }
    mirror = "registry.internal:5000/mirror/omg"
    assert images["admin-api"] == images["admin-api-worker"] == f"{mirror}/admin-api:0.1.0-hardened.2"
    assert re.fullmatch(rf"{mirror}/edge-proxy@sha256:[0-9a-f]{{64}}", images["edge-proxy"])
    for name, _, spec in render("air-gapped").pods():
        assert spec["imagePullSecrets"] == [{"name": "registry-login"}], name


def test_processes_are_probed(rendered: Rendered) -> None:
    for workload in rendered.workloads():
        [container] = workload["spec"]["template"]["spec"]["containers"]
        paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
        assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
        assert container["readinessProbe"]["timeoutSeconds"] > 2  # a ping behind /readyz may take 2 s


@pytest.mark.parametrize(("value_set", "drain"), [("minimal", 10), ("production", 600), ("air-gapped", 1800)])
def test_edge_may_finish_its_calls_before_it_is_killed(render: Render, value_set: str, drain: int) -> None:
    rendered = render(value_set)
    spec = rendered.named("StatefulSet", "-edge-proxy")["spec"]["template"]["spec"]
    settings = rendered.named("ConfigMap", "-edge-proxy")["data"]
    assert settings["OMG_DRAIN_SECONDS"] == str(drain)
    before = int(settings["OMG_DRAIN_DELAY_SECONDS"])
    # Longer than an endpoint takes to leave every load balancer, usually; and no shell, hook or signal in between.
    assert before >= 5
    assert "lifecycle" not in spec["containers"][0]
    still_to_tell = 8
    assert spec["terminationGracePeriodSeconds"] > before + drain + still_to_tell
    assert drain >= int(settings["OMG_UPSTREAM_TOTAL_TIMEOUT"]) or value_set == "minimal"


def test_the_journal_outlives_the_pod(render: Render) -> None:
    kept = render("production").named("StatefulSet", "-edge-proxy")["spec"]
    [claim] = kept["volumeClaimTemplates"]
    [container] = kept["template"]["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    config = render("production").named("ConfigMap", "-edge-proxy")["data"]
    assert mounts[claim["metadata"]["name"]] == config["OMG_STATE_DIR"]
    assert kept["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    headless = {service["metadata"]["name"]: service["spec"] for service in render("production").of_kind("Service")}
    assert headless[kept["serviceName"]]["clusterIP"] == "None"

    trial = render("minimal").named("StatefulSet", "-edge-proxy")["spec"]
    assert "volumeClaimTemplates" not in trial
    assert {"name": "state", "emptyDir": {"sizeLimit": "2Gi"}} in trial["template"]["spec"]["volumes"]


@pytest.mark.parametrize("value_set", ["production", "air-gapped", "minimal"])
def test_the_journal_fits_its_volume(render: Render, value_set: str) -> None:
    spec = render(value_set).named("StatefulSet", "-edge-proxy")["spec"]
    limit = int(render(value_set).named("ConfigMap", "-edge-proxy")["data"]["OMG_JOURNAL_MAX_BYTES"])
    if claims := spec.get("volumeClaimTemplates"):
        size = claims[0]["spec"]["resources"]["requests"]["storage"]
    else:
        [size] = [
            volume["emptyDir"]["sizeLimit"]
            for volume in spec["template"]["spec"]["volumes"]
            if volume["name"] == "state"
        ]
    assert limit < int(size.removesuffix("Gi")) * 1024**3


@pytest.mark.parametrize("value_set", ["minimal", "production"])
def test_migrations_run_before_the_new_version(render: Render, value_set: str) -> None:
    rendered = render(value_set)
    hooks = {
        (obj["kind"], obj["metadata"]["name"]): obj["metadata"]["annotations"]
        for obj in rendered.objects
        if HOOK in obj["metadata"].get("annotations", {})
    }
    for service in SERVICES_WITH_A_SCHEMA:
        job = rendered.named("Job", f"-{service}-migrate")
        notes = job["metadata"]["annotations"]
        assert notes[HOOK] == "pre-install,pre-upgrade"
        assert notes["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        pod = job["spec"]["template"]["spec"]
        assert pod["containers"][0]["args"] == ["migrate"]
        # All that the Job refers to exists by then: earlier hooks, or Secrets that are not the chart's.
        needed = [("ServiceAccount", pod["serviceAccountName"])]
        if value_set == "minimal":
            references = [variable.get("valueFrom", {}).get("secretKeyRef") for variable in pod["containers"][0]["env"]]
            needed += [("Secret", reference["name"]) for reference in references if reference]
            assert len(needed) == 2
        if value_set == "production":
            needed.append(("NetworkPolicy", job["metadata"]["name"]))
        for kind_and_name in needed:
            earlier = hooks[kind_and_name]
            assert earlier[HOOK] == notes[HOOK]
            assert int(earlier["helm.sh/hook-weight"]) < int(notes["helm.sh/hook-weight"])
        assert "envFrom" not in pod["containers"][0]


def test_bootstrap_runs_after_the_install_and_only_if_asked(render: Render) -> None:
    job = render("production").named("Job", "-admin-api-bootstrap")
    assert job["metadata"]["annotations"][HOOK] == "post-install,post-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["bootstrap", "/bootstrap/bootstrap.json"]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "bootstrap"]
    assert volume["secret"]["secretName"] == "gateway-bootstrap"
    assert all("bootstrap" not in obj["metadata"]["name"] for obj in render("minimal").objects)


def test_replicas_are_left_to_the_autoscaler(render: Render) -> None:
    rendered = render("production")
    scaled = {
        (scaler["spec"]["scaleTargetRef"]["kind"], scaler["spec"]["scaleTargetRef"]["name"])
        for scaler in rendered.of_kind("HorizontalPodAutoscaler")
    }
    assert {name.removeprefix("omg-open-model-gateway-") for _, name in scaled} == {
        "edge-proxy",
        "admin-api",
        "batch-runner",
    }
    for workload in rendered.workloads():
        is_scaled = (workload["kind"], workload["metadata"]["name"]) in scaled
        assert ("replicas" in workload["spec"]) != is_scaled, workload["metadata"]["name"]
    assert all("replicas" in workload["spec"] for workload in render("minimal").workloads())


def test_every_workload_is_protected_from_evictions(render: Render) -> None:
    rendered = render("production")
    budgets = {component(budget): budget["spec"] for budget in rendered.of_kind("PodDisruptionBudget")}
    assert budgets.keys() == {component(workload) for workload in rendered.workloads()}
    assert all(spec["maxUnavailable"] == 1 for spec in budgets.values())
    assert "admin-api" not in {component(budget) for budget in render("air-gapped").of_kind("PodDisruptionBudget")}


def _checksums(workload: Object) -> dict[str, str]:
    annotations: dict[str, str] = workload["spec"]["template"]["metadata"]["annotations"]
    return {name: value for name, value in annotations.items() if name.startswith("checksum/")}


def test_a_changed_configuration_restarts_those_it_concerns(render: Render) -> None:
    def restarted_by(*arguments: str) -> set[str]:
        before = {component(workload): _checksums(workload) for workload in render("minimal").workloads()}
        after = {component(workload): _checksums(workload) for workload in render("minimal", *arguments).workloads()}
        return {name for name in before if before[name] != after[name]}

    everyone = {"edge-proxy", "admin-api", "admin-api-worker", "batch-runner", "file-service", "alerts"}
    assert restarted_by("--set", "logLevel=debug") == everyone
    assert restarted_by("--set", "edgeProxy.timeouts.idle=30") == {"edge-proxy"}
    assert restarted_by("--set", "secrets.adminApiDatabaseUrl.value=postgresql://a:b@c/d") == {
        "admin-api",
        "admin-api-worker",
    }
    assert restarted_by("--set", f"secrets.keyHashSecret.value={'ab' * 32}") == {"edge-proxy", "admin-api"}


def test_ingress_publishes_the_api_and_the_portal_only(render: Render) -> None:
    published = {
        ingress["spec"]["rules"][0]["host"]: [
            (path["path"], path["backend"]["service"]["name"]) for path in ingress["spec"]["rules"][0]["http"]["paths"]
        ]
        for ingress in render("production").of_kind("Ingress")
    }
    assert published == {
        "api.example.com": [("/v1", "omg-open-model-gateway-edge-proxy")],
        "gateway.example.com": [("/", "omg-open-model-gateway-admin-api")],
    }
    for ingress in render("production").of_kind("Ingress"):
        [tls] = ingress["spec"]["tls"]
        assert tls["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    assert render("minimal").of_kind("Ingress") == []


def _ports(rules: list[Any]) -> set[Any]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_network_policies_let_each_talk_to_its_own_servers(render: Render) -> None:
    rendered = render("production")
    policies = {component(policy): policy["spec"] for policy in rendered.of_kind("NetworkPolicy")}
    started = {metadata["labels"]["app.kubernetes.io/component"] for _, metadata, _ in rendered.pods()}
    assert policies.keys() == started - {"test"}

    dns, postgres, redis, nats, providers, internal = 53, 5432, 6380, 4222, 443, "http"
    assert {name: _ports(spec["egress"]) for name, spec in policies.items()} == {
        "edge-proxy": {dns, redis, nats, providers, internal},
        "admin-api": {dns, postgres, redis, nats},
        "admin-api-worker": {dns, postgres, nats},
        "batch-runner": {dns, postgres, nats, internal},
        "file-service": {dns, postgres, nats},
        "alerts": {dns, postgres, nats, providers, 465, 587},
        **{f"{service}-migrate": {dns, postgres} for service in SERVICES_WITH_A_SCHEMA},
        "admin-api-bootstrap": {dns, postgres},
    }
    for name, spec in policies.items():
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
        for rule in spec["ingress"]:
            assert rule["from"], f"{name} is open to anyone"
    assert all(policies[f"{service}-migrate"]["ingress"] == [] for service in SERVICES_WITH_A_SCHEMA)


@pytest.mark.parametrize(("private", "blocked"), [("false", True), ("true", False)])
def test_network_policy_keeps_the_edge_out_of_private_networks(render: Render, private: str, blocked: bool) -> None:
    rendered = render("production", "--set", f"adminApi.allowPrivateUpstreams={private}")
    policy = rendered.named("NetworkPolicy", "-edge-proxy")
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    excepted = {cidr for block in blocks for cidr in block["except"]}
    assert {"169.254.0.0/16", "fe80::/10"} <= excepted  # the cloud's metadata service, always
    assert ({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= excepted) == blocked


def test_open_policies_name_no_peer(render: Render) -> None:
    rendered = render("minimal", "--set", "networkPolicy.enabled=true")
    edge = rendered.named("NetworkPolicy", "-edge-proxy")["spec"]
    assert edge["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]
    worker = rendered.named("NetworkPolicy", "-admin-api-worker")["spec"]
    assert {"ports": [{"port": 5432, "protocol": "TCP"}]} in worker["egress"]


def test_scheduling_wishes_reach_every_pod(render: Render) -> None:
    for name, metadata, spec in render("air-gapped").pods():
        assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64", "pool": "gateway"}, name
        assert [toleration["key"] for toleration in spec["tolerations"]] == ["dedicated"], name
        if "test" not in name and "migrate" not in name:
            assert metadata["labels"]["cost-centre"] == "ml-platform", name
            assert metadata["annotations"]["sidecar.istio.io/inject"] == "false", name


def test_helm_test_asks_every_service(render: Render) -> None:
    [pod] = render("air-gapped").of_kind("Pod")
    assert pod["metadata"]["annotations"][HOOK] == "test"
    assert pod["spec"]["containers"][0]["command"][3:] == [
        "http://gateway-edge-proxy:443/readyz",
        "http://gateway-admin-api:80/readyz",
    ]
