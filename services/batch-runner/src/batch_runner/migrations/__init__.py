"""The Alembic history of the schema `batches`, one file per step in `versions`; `batch_runner.models` is where it leads.

A step that has been released is never edited; the next one is added. Each is compatible with the version that is running
while it is applied: expand, migrate, contract.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
