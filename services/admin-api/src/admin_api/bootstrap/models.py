"""The table of what was bootstrapped before."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class BootstrapEntryRow(ControlBase):
    """An entry of a document that was there, or made, once: what is gone since is not made again, and what has another name
    since is found by its id. `name` is how the document knows it."""

    __tablename__ = "bootstrap_entries"
    __audited__ = False

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    resource_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
