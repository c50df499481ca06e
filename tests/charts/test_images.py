"""The Dockerfiles, the locks they install from, and skaffold.yaml, as far as they can be checked without building."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.charts.conftest import CHART, ROOT

SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))
LOCKS = sorted([*ROOT.glob("requirements*.lock"), *ROOT.glob("libs/*/*.lock"), *ROOT.glob("services/*/*.lock")])
IMAGE_LOCKS = [
    ROOT / "requirements-build.lock",
    *(ROOT / "services" / service / "requirements.lock" for service in SERVICES),
]
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^\s;]+)")


def instructions(service: str) -> list[tuple[str, str]]:
    """A Dockerfile as (instruction, rest) pairs, comments dropped and continuation lines joined."""
    text = (ROOT / "services" / service / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).replace("\\\n", " ")
    return [(first, rest.strip()) for first, _, rest in (line.partition(" ") for line in lines.splitlines() if line)]


def pins(lock: Path) -> dict[str, str]:
    """Package → version of a lock file."""
    return {match[1]: match[2] for line in lock.read_text().splitlines() if (match := PIN.match(line))}


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_built_alike(service: str) -> None:
    steps = instructions(service)
    assert steps[0] == ("ARG", "BASE=python:3.11-slim-bookworm")
    bases = [rest for step, rest in steps if step == "FROM"]
    assert bases[-2:] == ["${BASE} AS build", "${BASE}"]
    final = steps[max(index for index, (step, _) in enumerate(steps) if step == "FROM") :]
    by_step = dict(final)
    assert by_step["USER"] == "65532:65532"  # the number the chart runs it as
    assert json.loads(by_step["ENTRYPOINT"]) == ["python3", "-m", service.replace("-", "_")]
    assert json.loads(by_step["CMD"]) == ["serve"]
    assert not [rest for step, rest in final if step == "RUN" and "pip" in rest]
    installs = [rest for step, rest in steps if step == "RUN" and "--requirement requirements.lock" in rest]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert ("COPY", f"requirements-build.lock services/{service}/requirements.lock ./") in steps


def test_every_path_that_is_copied_reaches_the_builder() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for service in SERVICES:
        for step, rest in instructions(service):
            if step == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists(), source
                    assert any(source == path or source.startswith(f"{path}/") for path in allowed), source


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_locks_have_hashes_and_no_host_and_no_member(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^omg-", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all(PIN.match(entry) and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", IMAGE_LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_images_run_the_versions_that_were_tested(lock: Path) -> None:
    tested = pins(ROOT / "requirements.lock")
    assert pins(lock)
    assert pins(lock).items() <= tested.items()


@pytest.mark.parametrize("service", SERVICES)
def test_locks_know_what_the_services_need(service: str) -> None:
    # Resolving is `make lock`'s; this notices a dependency that was added without it.
    needed: set[str] = set()
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]
    common = tomllib.loads((ROOT / "libs" / "common" / "pyproject.toml").read_text())["project"]
    for dependency in project["dependencies"]:
        requirement = Requirement(dependency)
        if requirement.name == "omg-common":
            parts = [common["dependencies"], *(common["optional-dependencies"][extra] for extra in requirement.extras)]
            needed |= {Requirement(each).name for part in parts for each in part}
        else:
            needed.add(requirement.name)
    assert {canonicalize_name(name) for name in needed} <= pins(
        ROOT / "services" / service / "requirements.lock"
    ).keys()


def test_edge_image_has_no_database_driver_and_no_framework() -> None:
    edge = pins(ROOT / "services" / "edge-proxy" / "requirements.lock").keys()
    assert {"asyncpg", "sqlalchemy", "alembic", "fastapi", "starlette"}.isdisjoint(edge)
    assert {"asyncpg", "sqlalchemy"} <= pins(ROOT / "services" / "admin-api" / "requirements.lock").keys()


def test_skaffold_builds_and_installs_every_image() -> None:
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    artifacts = {artifact["image"]: artifact for artifact in skaffold["build"]["artifacts"]}
    assert artifacts.keys() == set(SERVICES)
    for name, artifact in artifacts.items():
        assert artifact["docker"]["dockerfile"] == f"services/{name}/Dockerfile"
        assert artifact["context"] == "."
    [release] = skaffold["deploy"]["helm"]["releases"]
    assert ROOT / release["chartPath"] == CHART
    assert all((ROOT / path).is_file() for path in release["valuesFiles"])
    components = set(yaml.safe_load((CHART / "values.yaml").read_text()))
    used = set()
    for value, template in release["setValueTemplates"].items():
        component, _, field = value.partition(".")
        assert component in components
        assert field == "image"
        image = re.fullmatch(r"{{\.IMAGE_FULLY_QUALIFIED_(\w+)}}", template)
        assert image
        used.add(image[1].replace("_", "-"))
    assert used == set(SERVICES)
