"""Loading a process's modules without the garbage collector.

Imports make hundreds of thousands of objects that stay, and the collector looks at them again and again: a quarter of a
service's start goes into that. Afterwards they are set aside for good, so that later collections do not look at them either.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """For the imports of a `__main__`: no collection until they are done, and none of what they made ever."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
