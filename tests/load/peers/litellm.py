"""LiteLLM's proxy, one worker, as its makers recommend it for production."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.load.edge import ALIAS
from tests.load.rig import TESTED_CORE, PinnedProcess, pinned

from devstack.ports import LOOPBACK, free_port

MASTER_KEY: Final = "sk-bench"
CONNECTIONS: Final = 8
"""With which it did best, of 1 to 64: with more of them a call costs more, with fewer it is not always busy."""

_START_TIMEOUT_S: Final = 100.0
"""It imports for ten seconds before it listens, and longer on a busy machine."""
_ENVIRONMENT: Final = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    # The prices it was released with; otherwise it asks the internet for today's when it starts.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
_SETTINGS: Final = {"request_timeout": 600, "set_verbose": False, "json_logs": False}


@contextmanager
def running_litellm(folder: Path, program: Path, *, upstream: str) -> Iterator[tuple[PinnedProcess, str]]:
    """A proxy without a database, to be called with its master key: the process, and its URL."""
    port = free_port()
    configuration = folder / "litellm.yaml"
    configuration.write_text(json.dumps(_configuration(upstream), indent=2))
    # A database that another program of this shell uses is none of its business.
    command = ["env", "--unset", "DATABASE_URL", str(program), "--config", str(configuration)]
    command += ["--host", LOOPBACK, "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
    with pinned(
        command,
        core=TESTED_CORE,
        port=port,
        log=folder / "litellm.log",
        environment=_ENVIRONMENT,
        start_timeout_s=_START_TIMEOUT_S,
    ) as process:
        yield process, f"http://{LOOPBACK}:{port}"


def _configuration(upstream: str) -> Mapping[str, object]:
    route = {"model": "openai/bench-model", "api_base": f"http://{upstream}/v1", "api_key": "sk-of-the-provider"}
    return {
        "model_list": [{"model_name": ALIAS, "litellm_params": route}],
        "general_settings": {"master_key": MASTER_KEY, "disable_spend_logs": True, "disable_error_logs": True},
        "litellm_settings": _SETTINGS,
    }
