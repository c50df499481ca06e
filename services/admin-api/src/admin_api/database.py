"""The base of the models in schema `control`. Tables are in each noun's `models.py`; the ledger's have a base of their own."""

from typing import ClassVar, Final

from sqlalchemy.orm import DeclarativeBase

from common.db.engine import schema_metadata
from common.outbox.table import Outbox, outbox_table

CONTROL_SCHEMA: Final = "control"
LEDGER_SCHEMA: Final = "ledger"


class ControlBase(DeclarativeBase):
    """What the control plane's models inherit from. Changes of rows are written into the audit log, unless a model says that it is
    not audited; see `audit.listener`.
    """

    metadata = schema_metadata(CONTROL_SCHEMA)

    __audited__: ClassVar[bool] = True

    @classmethod
    def audited_as(cls) -> str:
        """The resource's name in the audit log: the table's, in the singular."""
        name: str = cls.__tablename__
        return name.removesuffix("ies") + "y" if name.endswith("ies") else name.removesuffix("s")


outbox: Final = Outbox(outbox_table(ControlBase.metadata))
