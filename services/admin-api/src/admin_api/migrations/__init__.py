"""The history of schemas `control` and `ledger`: one line of revisions in `versions`, run by `python -m admin_api migrate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from admin_api.database import CONTROL_SCHEMA, LEDGER_SCHEMA

MIGRATIONS: Final = Path(__file__).parent
SCHEMAS: Final[Sequence[str]] = (CONTROL_SCHEMA, LEDGER_SCHEMA)
