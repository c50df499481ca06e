"""The tables of the schema `files`. Only this service reads or writes them; queries are not here."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.engine import schema_metadata

SCHEMA: Final = "files"


class Base(DeclarativeBase):
    """What the tables of this schema share: text is `text`, and every instant knows its time zone."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = {str: Text(), int: BigInteger(), datetime: DateTime(timezone=True)}  # noqa: RUF012


class File(Base):
    """One uploaded file. Its content is in the storage, never here; the row turns `uploaded` after the content is there."""

    __tablename__ = "files"
    __table_args__ = (
        CheckConstraint("starts_with(id, 'file-')", name="id"),
        CheckConstraint("status IN ('uploading', 'uploaded', 'processed', 'error', 'deleted')", name="status"),
        CheckConstraint("bytes >= 0", name="bytes"),
        CheckConstraint("status = 'uploading' OR status = 'error' OR bytes IS NOT NULL", name="bytes_known"),
        # A tenant's list, newest first: the ids are ordered by time.
        Index("files_tenant_id_id_idx", "tenant_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    filename: Mapped[str]
    purpose: Mapped[str]
    bytes: Mapped[int | None]
    status: Mapped[str]
    status_details: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
