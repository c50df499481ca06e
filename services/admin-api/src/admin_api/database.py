"""The base of the models in schema `control`. Tables are in each noun's `models.py`; the ledger's have a base of their own."""

from typing import Final

from sqlalchemy.orm import DeclarativeBase

from common.db.engine import schema_metadata
from common.outbox.table import Outbox, outbox_table

CONTROL_SCHEMA: Final = "control"
LEDGER_SCHEMA: Final = "ledger"


class ControlBase(DeclarativeBase):
    """What the control plane's models inherit from."""

    metadata = schema_metadata(CONTROL_SCHEMA)


outbox: Final = Outbox(outbox_table(ControlBase.metadata))
