"""The size check fails for a file that is too long, wherever it lies, and only then."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "tools/check_file_sizes.py"


def check(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECK), str(checkout)], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty repository."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def write(checkout: Path, name: str, *, lines: int) -> None:
    path = checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n" * lines)


@pytest.mark.parametrize(
    "name", ["long.py", "services/a/src/a/long.py", "tests/unit/long.py", "portal/src/Long.tsx", "a.ts"]
)
def test_a_file_of_401_lines_fails(checkout: Path, name: str) -> None:
    write(checkout, name, lines=401)

    result = check(checkout)

    assert result.returncode == 1
    assert result.stdout.startswith(f"{name}: 401 lines")


def test_400_lines_and_other_kinds_of_files_pass(checkout: Path) -> None:
    write(checkout, "a.py", lines=400)
    write(checkout, "portal/src/A.tsx", lines=400)
    write(checkout, "docs/guide.md", lines=5000)

    result = check(checkout)

    assert result.returncode == 0, result.stdout


def test_what_git_ignores_is_not_looked_at(checkout: Path) -> None:
    (checkout / ".gitignore").write_text(".venv/\n")
    write(checkout, ".venv/lib/long.py", lines=401)

    assert check(checkout).returncode == 0


def test_a_generated_file_may_be_long_and_its_exception_must_be_needed(checkout: Path) -> None:
    write(checkout, "portal/src/api/schema.d.ts", lines=2000)
    assert check(checkout).returncode == 0

    write(checkout, "portal/src/api/schema.d.ts", lines=10)
    result = check(checkout)

    assert result.returncode == 1
    assert "take it off the exceptions" in result.stdout


def test_this_checkout_passes() -> None:
    result = check(CHECK.parents[1])

    assert result.returncode == 0, result.stdout
