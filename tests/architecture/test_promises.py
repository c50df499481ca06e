"""The tables of the guide's promises and of threats name tests that exist."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TABLES = ("docs/reference/guide-promises.md", "docs/threat-model.md")


@pytest.mark.parametrize("table", _TABLES)
def test_every_test_that_is_named_exists(table: str) -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", (_ROOT / table).read_text()))

    assert named
    assert sorted(name for name in named if not (_ROOT / name).is_file()) == []
