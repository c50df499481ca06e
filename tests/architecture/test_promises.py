"""The table of the guide's promises names tests that exist."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TABLE = _ROOT / "docs" / "reference" / "guide-promises.md"


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", _TABLE.read_text()))

    assert named
    assert sorted(name for name in named if not (_ROOT / name).is_file()) == []
