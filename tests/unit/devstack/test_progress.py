import asyncio
import io

import pytest
from rich.console import Console

from devstack.progress import Progress


@pytest.fixture
def console() -> Console:
    """Not a terminal, as in a log of `omg up`, and narrow: nothing may be wrapped."""
    return Console(file=io.StringIO(), width=40)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_step_prints_one_line_when_it_is_done(console: Console) -> None:
    progress = Progress(console)
    with progress.step("stopping", done="stopped") as details:
        assert printed(console) == []
        details.append("a detail that is much longer than the width of the terminal")
    (line,) = printed(console)
    assert line.startswith(" ✓ stopped  0.0 s  a detail")


async def test_a_failed_step_is_marked_and_a_cancelled_one_says_nothing(console: Console) -> None:
    progress = Progress(console)
    with pytest.raises(RuntimeError), progress.step("one"):
        raise RuntimeError
    with pytest.raises(asyncio.CancelledError), progress.step("two"):
        raise asyncio.CancelledError
    assert [line.split("  ")[0] for line in printed(console)] == [" ✗ one"]


def test_messages_are_printed_as_they_are(console: Console) -> None:
    progress = Progress(console)
    progress.warn("alerts ended [bold]unexpectedly[/bold]\n    | {'last': 'line'}")
    progress.note("nats: the one in NATS_URL")
    assert printed(console) == [
        " ! alerts ended [bold]unexpectedly[/bold]",
        "    | {'last': 'line'}",
        " · nats: the one in NATS_URL",
    ]
