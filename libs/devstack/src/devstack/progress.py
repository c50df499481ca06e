"""What `omg up` tells on the terminal while it works: one line per finished step, and what is going on right now.

On anything but a terminal only the finished lines appear, so a log of it reads the same.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

_SHOWN: Final = 3  # in one line of an ordinary terminal


class Progress:
    """Steps may run at the same time; each prints one line when it is done, with the seconds it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: list[str] = []
        self._status = console.status("")
        self._begun = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    @contextmanager
    def step(self, title: str, *, done: str | None = None) -> Iterator[list[str]]:
        """Run one step, called `done` once it is. What is appended to the yielded list is printed behind the title.

        A failing step prints ✗, a cancelled one nothing.
        """
        begun = time.monotonic()
        details: list[str] = []
        self._running.append(title)
        self._show()
        outcome: tuple[str, str] | None = ("✗", "red")
        try:
            yield details
            outcome = ("✓", "green")
        except asyncio.CancelledError:
            outcome = None
            raise
        finally:
            self._running.remove(title)
            if outcome is not None:
                self._print_line(outcome, done or title, time.monotonic() - begun, details)
            self._show()

    def _print_line(self, outcome: tuple[str, str], title: str, seconds: float, details: list[str]) -> None:
        mark, style = outcome
        line = Text.assemble((f" {mark} ", style), title, (f"  {seconds:.1f} s", "dim"))
        if details:
            line.append("  " + ", ".join(details), style="dim")
        self._console.print(line, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Something a person should read."""
        self._console.print(Text.assemble((" ! ", "bold yellow"), (message, "yellow")), soft_wrap=True)

    def note(self, message: str) -> None:
        """Something that is as it should be, but good to know."""
        self._console.print(Text.assemble((" · ", "dim"), message), soft_wrap=True)

    def _show(self) -> None:
        if self._running:
            more = len(self._running) - _SHOWN
            self._status.update(" · ".join(self._running[:_SHOWN]) + (f" and {more} more" if more > 0 else ""))
            self._status.start()
        else:
            self._status.stop()
