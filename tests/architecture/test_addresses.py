"""The address check fails for a registry in a lock or a setting, and for a path of one machine, and only then."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "tools/check_addresses.py"

# Put together here, so that this file passes the check it tests.
HOST = "https://files.python" + "hosted.example/packages/a.whl"
NPM = "https://registry" + ".npm.example/a.tgz"
HOME = "/ho" + "me/someone/project"


def check(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECK), str(checkout)], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty repository."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def write(checkout: Path, name: str, text: str) -> None:
    path = checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.lock", f"a==1 --hash=sha256:00\nb @ {HOST}\n"),
        ("services/a/requirements.lock", "--index-url https://mirror.example/simple\n"),
        ("requirements-build.lock", "# from https://mirror.example/\n"),
        ("portal/package-lock.json", f'{{\n  "resolved": "{NPM}",\n}}\n'),
        ("portal/.npmrc", "registry=https://mirror.example/\n"),
        ("portal/.npmrc", "@team:registry=https://mirror.example/\n"),
        ("pyproject.toml", f'url = "{HOST}"\n'),
        ("pyproject.toml", 'index-url = "https://mirror.example/simple"\n'),
        ("Makefile", "install:\n\tpip install --index-url https://mirror.example/simple a\n"),
        ("services/a/Dockerfile", "RUN npm ci --registry https://mirror.example\n"),
        (".ci/run", f"curl {HOST}\n"),
        ("scripts/lock", f"curl {NPM}\n"),
        ("README.md", f"cd {HOME}\n"),
        ("libs/a.py", f'ROOT = "{HOME}"\n'),
        ("docs/a.md", "/ro" + "ot/.cache\n"),
    ],
)
def test_what_works_on_one_machine_only_fails(checkout: Path, name: str, text: str) -> None:
    write(checkout, name, text)

    result = check(checkout)

    assert result.returncode == 1, result.stdout
    assert result.stdout.startswith(f"{name}:")


def test_the_place_of_the_checkout_fails_in_any_file(checkout: Path) -> None:
    write(checkout, "docs/guide.md", f"Then `cd {checkout.resolve()}/portal`.\n")

    result = check(checkout)

    assert result.returncode == 1
    assert result.stdout.startswith("docs/guide.md:1: names a path of one machine")


@pytest.mark.parametrize(
    ("place", "line", "is_found"),
    [
        ("/build/gateway", "cd /build/gateway", True),
        ("/build/gateway", "COPY from=/build/gateway/libs", True),
        ("/build/gateway", "cd /build/gateway-2; ls my/build/gateway", False),
        ("/src", 'src = ["libs/*/src"]  <script src="/src/main.tsx">', False),
    ],
)
def test_the_place_is_found_as_a_whole_path(place: str, line: str, is_found: bool) -> None:
    pattern = runpy.run_path(str(CHECK))["place_pattern"](Path(place))

    assert (pattern is not None and pattern.search(line) is not None) == is_found


def test_what_works_everywhere_passes(checkout: Path) -> None:
    write(checkout, "requirements.lock", "a==1 \\\n    --hash=sha256:00\n")
    write(
        checkout, "portal/package-lock.json", '{\n  "resolved": "packages/a",\n  "url": "https://example.com/fund"\n}\n'
    )
    write(checkout, "pyproject.toml", 'homepage = "https://example.com"\n[tool.uv]\npackage = false\n')
    write(checkout, "services/a/Dockerfile", "ARG PIP_INDEX_URL\nRUN pip install --no-index wheels/*.whl\n")
    write(checkout, "README.md", "curl http://127.0.0.1:8090/v1/models; https://example.com/home/page; ~/home/x\n")
    (checkout / "image.png").write_bytes(b"\x89PNG\0" + HOME.encode())

    result = check(checkout)

    assert result.returncode == 0, result.stdout


def test_this_checkout_passes() -> None:
    result = check(CHECK.parents[1])

    assert result.returncode == 0, result.stdout
