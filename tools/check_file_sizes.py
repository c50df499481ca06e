"""Fails when a source file has grown beyond 400 lines: `python tools/check_file_sizes.py [CHECKOUT]`.

A longer file becomes a folder of the same name with one module per use case. Exceptions are listed here, each with its reason.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

LIMIT: Final = 400
SUFFIXES: Final = ("*.py", "*.ts", "*.tsx")
EXCEPTIONS: Final = {
    "portal/src/api/schema.d.ts": "generated from the OpenAPI document",
}


def problems(checkout: Path) -> list[str]:
    """One line per file that is too long, and per exception that is not needed any more."""
    lengths = {name: line_count(checkout / name) for name in source_files(checkout)}
    too_long = {name for name, length in lengths.items() if length > LIMIT}
    found = [
        f"{name}: {lengths[name]} lines, at most {LIMIT} are allowed: make it a folder with one module per use case"
        for name in sorted(too_long - EXCEPTIONS.keys())
    ]
    stale = sorted(EXCEPTIONS.keys() & lengths.keys() - too_long)
    return found + [f"{name}: is short enough now; take it off the exceptions" for name in stale]


def source_files(checkout: Path) -> list[str]:
    """The files git knows or would take, by their path in the checkout."""
    command = (
        "git",
        "-C",
        str(checkout),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *SUFFIXES,
    )
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (checkout / name).is_file()]


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def main() -> None:
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = problems(checkout)
    for problem in found:
        print(problem)
    if found:
        sys.exit(1)
    print(f"no source file is longer than {LIMIT} lines")


if __name__ == "__main__":
    main()
