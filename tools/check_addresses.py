"""Fails when a committed file would only work on its author's machine: `python tools/check_addresses.py [CHECKOUT]`.

- Lock files name no address at all: everybody installs from the index they have configured.
- Settings of package managers, build files and CI name no package registry.
- No file names a path of somebody's machine: a home folder, or the place of this checkout.
"""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

# npm's lock also holds the home pages of sponsors; only where a package is fetched from matters.
_LOCK_ADDRESS: Final = re.compile(r"""^[^"]*://|"resolved":\s*"(?!file:|[\w./@-]+")""")
_LOCK_FILES: Final = ("*.lock", "*package-lock.json", "*requirements*.txt")

_REGISTRY: Final = re.compile(
    r"://[^\s\"']*(pypi|pythonhosted|npmjs|yarnpkg|registry\.|artifactory|devpi)"
    r"|^\s*[\"']?(registry|@[\w-]+:registry|(extra-)?index-url|find-links)[\"']?\s*[=:]"
    r"|--(registry|(extra-)?index-url|default-index|find-links)[= ]",
    re.IGNORECASE,
)
_SETTINGS_FILES: Final = (
    *("*.toml", "*.cfg", "*.ini", "*.npmrc", "*package.json", "*Makefile", "*Dockerfile", "*.mk"),
    *(".ci/*", ".github/*", ".gitlab-ci.yml", "scripts/*", "*.sh"),
)

_HOME: Final = re.compile(r"(?<![\w.$}~-])/(home|Users)/\w+|(?<![\w.$}~-])/root/[\w.]|[A-Z]:\\Users\\")


def problems(checkout: Path) -> list[str]:
    """One line per finding, as `path:line: what`."""
    place = place_pattern(checkout.resolve())
    return [
        f"{name}:{number}: {complaint}"
        for name in committed_files(checkout)
        for number, line in enumerate(text_lines(checkout / name), start=1)
        for complaint in complaints(name, line, place)
    ]


def place_pattern(checkout: Path) -> re.Pattern[str] | None:
    """What finds the path of the checkout; None for one like `/src`, which also stands in globs and in pages' addresses."""
    if len(checkout.parts) <= 2:
        return None
    return re.compile(rf"(?<![\w.*-]){re.escape(str(checkout))}(?![\w-])")


def complaints(name: str, line: str, place: re.Pattern[str] | None) -> list[str]:
    """What is wrong with one line of the file `name`."""
    found = []
    if matches(name, _LOCK_FILES):
        if _LOCK_ADDRESS.search(line):
            found.append("a lock file must not name an address")
    elif matches(name, _SETTINGS_FILES) and _REGISTRY.search(line):
        found.append("names a package registry")
    if _HOME.search(line) or (place is not None and place.search(line)):
        found.append("names a path of one machine")
    return found


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def committed_files(checkout: Path) -> list[str]:
    """The files git knows or would take, by their path in the checkout."""
    command = ("git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (checkout / name).is_file()]


def text_lines(path: Path) -> list[str]:
    """The lines of a text file; a binary one has none."""
    content = path.read_bytes()
    return [] if b"\0" in content[:8192] else content.decode(errors="replace").splitlines()


def main() -> None:
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = problems(checkout)
    for problem in found:
        print(problem)
    if found:
        sys.exit(1)
    print("no file names a package registry or a path of one machine")


if __name__ == "__main__":
    main()
