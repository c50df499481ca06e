"""Each import rule in `.importlinter` holds for the code as it is, and is broken by one line that it is there to forbid."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

FORBIDDEN = [
    ("alerts/app.py", "import file_service.models", "A service imports no other service"),
    ("common/clock.py", "import edge_proxy.settings", "The libraries import no service"),
    ("devstack/ports.py", "import alerts.settings", "The libraries import no service"),
    ("common/clock.py", "import devstack.ports", "The libraries import no service"),
    ("batch_runner/app.py", "from devstack.ports import free_port", "Production code does not import the development"),
    ("file_service/app.py", "import common.testing", "Fakes and fixtures are imported by tests only"),
    ("common/clock.py", "import common.testing", "Fakes and fixtures are imported by tests only"),
    ("edge_proxy/settings.py", "import sqlalchemy", "The data plane has no database"),
    ("edge_proxy/settings.py", "import asyncpg", "The data plane has no database"),
    ("edge_proxy/settings.py", "import fastapi.routing", "The data plane has no database"),
    ("edge_proxy/settings.py", "import common.http.errors", "The data plane has no database"),
    # Not the edge's own line: the chain is found.
    ("common/lifecycle.py", "import common.db.engine", "The data plane has no database"),
    ("alerts/models.py", "from alerts.wiring import SERVICE", "Only the entry point and the application see"),
    ("alerts/app.py", "import alerts.__main__", "Nobody imports an entry point"),
    (
        "admin_api/new_noun/service.py",
        "import admin_api.new_noun.endpoints",
        "endpoints and consumers are the outermost",
    ),
    (
        "admin_api/new_noun/service.py",
        "import admin_api.new_noun.consumers",
        "endpoints and consumers are the outermost",
    ),
    ("admin_api/new_noun/service.py", "import fastapi", "service, domain, repository and models do not look outward"),
    ("admin_api/new_noun/service.py", "import admin_api.new_noun.schemas", "service, domain, repository and models do"),
    ("admin_api/new_noun/repository.py", "import admin_api.new_noun.service", "repository and models do not call use"),
    ("alerts/models.py", "import alerts.new_noun.service", "repository and models do not call use cases"),
    ("admin_api/new_noun/domain.py", "import sqlalchemy", "domain is pure"),
    ("admin_api/new_noun/domain.py", "import asyncio", "domain is pure"),
    ("admin_api/new_noun/domain.py", "import admin_api.new_noun.models", "domain is pure"),
    ("edge_proxy/providers/registry.py", "import pyreqwest.client", "Adapters, routing and pricing"),
    ("edge_proxy/pricing/cost.py", "import asyncio", "Adapters, routing and pricing"),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of every member's package, with one more noun that has a file of each kind."""
    copy = tmp_path_factory.mktemp("sources")
    for package in (*CHECKOUT.glob("libs/*/src/*"), *CHECKOUT.glob("services/*/src/*")):
        shutil.copytree(package, copy / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for noun in (copy / "admin_api/new_noun", copy / "alerts/new_noun"):
        noun.mkdir()
        for name in ("__init__", "endpoints", "consumers", "schemas", "service", "domain", "repository", "models"):
            (noun / f"{name}.py").write_text("")
    return copy


def lint(sources: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run(
        [*command, "--config", str(CHECKOUT / ".importlinter"), "--no-cache"],
        cwd=sources,
        env={**os.environ, "PYTHONPATH": str(sources), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_code_keeps_every_rule(sources: Path) -> None:
    result = lint(sources)

    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(("module", "line", "rule"), FORBIDDEN, ids=[f"{m}: {line}" for m, line, _ in FORBIDDEN])
def test_a_forbidden_import_breaks_its_rule(sources: Path, module: str, line: str, rule: str) -> None:
    path = sources / module
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        result = lint(sources)
    finally:
        path.write_text(before)

    broken = [line for line in result.stdout.splitlines() if line.endswith(" BROKEN")]
    assert result.returncode == 1, result.stdout
    assert any(each.startswith(rule) for each in broken), result.stdout


def test_every_rule_has_an_import_that_breaks_it() -> None:
    names = [
        line.removeprefix("name = ")
        for line in (CHECKOUT / ".importlinter").read_text().splitlines()
        if line.startswith("name = ")
    ]

    unproven = [name for name in names if not any(name.startswith(rule) for _, _, rule in FORBIDDEN)]

    assert unproven == []
