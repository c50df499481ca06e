"""Every pod of the chart, Jobs and the helm test included, satisfies the pod security standard "restricted", and more."""

from typing import Any

from tests.charts.conftest import Object, Render, Rendered

# https://kubernetes.io/docs/concepts/security/pod-security-standards/ : the volume types "restricted" allows, less
# hostPath and its like, and only those the chart uses.
ALLOWED_VOLUMES = {"emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected"}


def restricted_violations(spec: Object) -> list[str]:
    """What the pod security standard "restricted" would refuse in a pod spec."""
    problems = [field for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(field)]
    problems += [
        f"volume {volume['name']} is a {kind}"
        for volume in spec.get("volumes", [])
        for kind in volume.keys() - {"name"} - ALLOWED_VOLUMES
    ]
    pod: dict[str, Any] = spec.get("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        own: dict[str, Any] = container.get("securityContext", {})
        effective = {**pod, **own}
        if effective.get("runAsNonRoot") is not True:
            problems.append("may run as root")
        if effective.get("runAsUser") == 0:
            problems.append("runs as root")
        if own.get("allowPrivilegeEscalation") is not False:
            problems.append("may escalate")
        if own.get("privileged"):
            problems.append("privileged")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            problems.append("keeps capabilities")
        if effective.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            problems.append("no seccomp profile")
        problems += ["uses a host port" for port in container.get("ports", []) if "hostPort" in port]
    return problems


def test_pods_are_restricted(rendered: Rendered) -> None:
    assert {name: found for name, _, spec in rendered.pods() if (found := restricted_violations(spec))} == {}


def test_the_rules_would_notice_a_careless_pod() -> None:
    careless = {"hostNetwork": True, "volumes": [{"name": "v", "hostPath": {}}], "containers": [{"name": "c"}]}
    assert restricted_violations(careless) == [
        "hostNetwork",
        "volume v is a hostPath",
        "may run as root",
        "may escalate",
        "keeps capabilities",
        "no seccomp profile",
    ]


def test_file_systems_are_read_only_but_for_named_folders(rendered: Rendered) -> None:
    for name, _, spec in rendered.pods():
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            writable = {
                mount["mountPath"] for mount in container.get("volumeMounts", []) if not mount.get("readOnly", False)
            }
            assert writable <= {"/tmp", "/var/lib/omg"}, name
        for volume in spec.get("volumes", []):
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], name


def test_no_pod_holds_a_token_of_the_cluster(rendered: Rendered) -> None:
    for name, _, spec in rendered.pods():
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
    for account in rendered.of_kind("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    assert not rendered.of_kind("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def test_each_workload_has_a_service_account_of_its_own(rendered: Rendered) -> None:
    accounts = {account["metadata"]["name"] for account in rendered.of_kind("ServiceAccount")}
    used = [workload["spec"]["template"]["spec"]["serviceAccountName"] for workload in rendered.workloads()]
    assert len(set(used)) == len(used)
    jobs = [job["spec"]["template"]["spec"]["serviceAccountName"] for job in rendered.of_kind("Job")]
    assert {*used, *jobs} == accounts


def test_every_container_has_requests_and_a_memory_limit(rendered: Rendered) -> None:
    for name, _, spec in rendered.pods():
        for container in spec["containers"]:
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name


def test_user_numbers_can_be_left_to_the_platform(render: Render) -> None:
    for name, _, spec in render("air-gapped").pods():
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & spec["securityContext"].keys(), name
    for name, _, spec in render("production").pods():
        assert spec["securityContext"]["runAsUser"] == 65532, name


def test_secret_values_are_in_secrets_only(render: Render) -> None:
    rendered = render("minimal")
    values = {value for secret in rendered.of_kind("Secret") for value in secret["stringData"].values()}
    assert len(values) == 8
    elsewhere = str([obj for obj in rendered.objects if obj["kind"] != "Secret"])
    assert [value for value in values if value in elsewhere] == []


def test_existing_secrets_leave_none_to_the_chart(render: Render) -> None:
    assert render("production").of_kind("Secret") == []
    assert render("air-gapped").of_kind("Secret") == []


def test_edge_never_gets_a_database(rendered: Rendered) -> None:
    assert "DATABASE" not in str(rendered.named("StatefulSet", "-edge-proxy"))
    edge_secrets = [obj for obj in rendered.of_kind("Secret") if obj["metadata"]["name"].endswith("-edge-proxy")]
    assert all("DATABASE_URL" not in secret["stringData"] for secret in edge_secrets)
