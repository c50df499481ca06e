"""`python -m tests.load.profiled OUTPUT MODULE ARGUMENTS…`: run a module under cProfile, and write the profile on SIGTERM."""

import cProfile
import runpy
import signal
import sys


def main() -> None:
    output, module = sys.argv[1], sys.argv[2]
    sys.argv[:] = sys.argv[2:]
    # uvicorn stops gracefully, then sends itself the signal again: that one ends the process through the code below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    profile = cProfile.Profile()
    try:
        profile.runcall(runpy.run_module, module, run_name="__main__", alter_sys=True)
    finally:
        profile.dump_stats(output)


if __name__ == "__main__":
    main()
