import os
from pathlib import Path

import pytest

from devstack.portal import is_stale


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    for name in ("package.json", "src/app/main.tsx", "dist/index.html", "node_modules/left-pad/index.js"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (1_000, 1_000))
    return tmp_path


def test_a_build_as_new_as_its_sources_is_kept(portal: Path) -> None:
    assert not is_stale(portal)


def test_no_build_is_stale(portal: Path) -> None:
    (portal / "dist" / "index.html").unlink()
    assert is_stale(portal)


@pytest.mark.parametrize("name", ["package.json", "src/app/main.tsx"])
def test_a_newer_source_makes_it_stale(portal: Path, name: str) -> None:
    os.utime(portal / name, (2_000, 2_000))
    assert is_stale(portal)


def test_what_is_not_a_source_does_not(portal: Path) -> None:
    os.utime(portal / "node_modules/left-pad/index.js", (2_000, 2_000))
    assert not is_stale(portal)
