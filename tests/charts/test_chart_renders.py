"""The chart as helm and Kubernetes' own schemas see it: it lints, renders, and every object is valid, old and new."""

import copy
import re

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from tests.charts.conftest import CHART, VALUE_SETS, Object, Render, Rendered, Tools

OLDEST_AND_NEWEST = ("1.29", "1.37")
COMPONENT_FOLDERS = sorted(path for path in (CHART / "templates").iterdir() if path.is_dir() and path.name != "tests")


def test_tools_are_the_pinned_ones(tools: Tools) -> None:
    assert tools.run_helm("version", "--template", "{{.Version}}").stdout == "v4.3.1"


@pytest.mark.parametrize("value_set", VALUE_SETS)
def test_lint_is_clean(tools: Tools, value_set: str) -> None:
    result = tools.run_helm("lint", CHART, "--strict", "--values", CHART / "ci" / f"{value_set}-values.yaml")
    assert result.returncode == 0, result.stdout
    assert "[WARNING]" not in result.stdout


def test_every_value_set_in_ci_is_tested() -> None:
    assert {path.name for path in (CHART / "ci").iterdir()} == {f"{name}-values.yaml" for name in VALUE_SETS}


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_objects_are_valid(rendered: Rendered, version: str) -> None:
    for obj in rendered.objects:
        assert kubernetes_validate.validate(obj, version, strict=True) == version


def test_validation_would_notice_a_misspelt_field(render: Render) -> None:
    broken = copy.deepcopy(render("minimal").workloads()[0])
    broken["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, OLDEST_AND_NEWEST[0], strict=True)


def test_chart_renders_for_the_oldest_version_it_names(render: Render) -> None:
    [line] = [line for line in (CHART / "Chart.yaml").read_text().splitlines() if line.startswith("kubeVersion")]
    assert f">={OLDEST_AND_NEWEST[0]}." in line
    assert render("production", "--kube-version", OLDEST_AND_NEWEST[0]).objects


def test_rendering_is_deterministic(render: Render) -> None:
    # Nothing is generated, so an upgrade never rotates a secret; --set-string only defeats the render cache.
    first = render("minimal", "--set-string", "global.run=1")
    second = render("minimal", "--set-string", "global.run=2")
    assert first.objects == second.objects


@pytest.mark.parametrize(
    "missing", ["natsUrl", "keyHashSecret", "encryptionKeys", "adminApiDatabaseUrl", "alertsDatabaseUrl"]
)
def test_a_missing_secret_is_named(tools: Tools, missing: str) -> None:
    values = CHART / "ci" / "minimal-values.yaml"
    result = tools.run_helm("template", "omg", CHART, "--values", values, "--set", f"secrets.{missing}.value=")
    assert result.returncode != 0
    assert f"secrets.{missing} is missing" in result.stderr


@pytest.mark.parametrize(
    ("value_set", "expected"),
    [
        ("minimal", ["port-forward", "There is no login yet", "persistence is off", "given by value"]),
        ("production", ["https://gateway.example.com/", "https://api.example.com/v1/chat/completions"]),
        ("air-gapped", ["https://llm.internal/v1/chat/completions"]),
    ],
)
def test_notes_say_what_to_do_next(tools: Tools, value_set: str, expected: list[str]) -> None:
    values = CHART / "ci" / f"{value_set}-values.yaml"
    result = tools.run_helm("install", "omg", CHART, "--values", values, "--dry-run=client")
    assert result.returncode == 0, result.stderr
    notes = result.stdout.split("\nNOTES:\n")[1]
    for text in expected:
        assert text in notes
    assert ("WARNING" in notes) == (value_set == "minimal")


def test_long_names_fit_a_label(render: Render) -> None:
    rendered = render("production", "--set", f"fullnameOverride={'n' * 70}")
    # A Job's and a StatefulSet's name become label values of their pods, the latter with a hash of 11 characters.
    for obj in rendered.objects:
        assert len(obj["metadata"]["name"]) <= (52 if obj["kind"] == "StatefulSet" else 63)


@pytest.mark.parametrize("folder", [path.name for path in COMPONENT_FOLDERS])
def test_a_folder_holds_only_its_component(render: Render, folder: str) -> None:
    everything = render("production")
    own = [obj for obj in everything.objects if _component_is(obj, folder)]
    key = re.sub(r"-(\w)", lambda match: match[1].upper(), folder)
    without = render("production", "--set", f"{key}.enabled=false")
    assert own
    assert not [obj for obj in without.objects if _component_is(obj, folder)]


def _component_is(obj: Object, folder: str) -> bool:
    # The worker is a component of its own, not a part of admin-api, whose name it begins with.
    name = obj["metadata"]["labels"]["app.kubernetes.io/component"]
    return name == folder or name in {f"{folder}-migrate", f"{folder}-bootstrap"}


def test_each_folder_has_the_same_file_names() -> None:
    common = {"autoscaler", "configmap", "networkpolicy", "poddisruptionbudget", "secret", "serviceaccount"}
    for folder in COMPONENT_FOLDERS:
        names = {path.stem for path in folder.iterdir()}
        assert common <= names, folder.name
        assert len(names & {"deployment", "statefulset"}) == 1, folder.name
