"""What each owner's command line says when it cannot do what it is asked."""

import subprocess
import sys
from typing import Any

import pytest


def call(package: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", package, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_missing_variable_is_named_and_no_value_is_shown(owner: Any, command: str) -> None:
    result = call(owner.package, command, NATS_URL="nats://user:s3cret-word@127.0.0.1", OMG_LISTEN_PORT="s3cret-port")

    assert result.returncode == 2
    assert "DATABASE_URL: Field required" in result.stderr
    assert "OMG_LISTEN_PORT" in result.stderr
    assert "s3cret" not in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [[], ["work"], ["serve", "more"]])
def test_an_unknown_command_is_refused_with_the_usage(owner: Any, arguments: list[str]) -> None:
    result = call(owner.package, *arguments)

    assert result.returncode == 2
    assert f"usage: python -m {owner.package}" in result.stderr
