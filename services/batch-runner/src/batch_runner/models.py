"""The tables of the schema `batches`. Only this service reads or writes them; queries are not here."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.engine import schema_metadata

SCHEMA: Final = "batches"


class Base(DeclarativeBase):
    """What the tables of this schema share: text is `text`, and every instant knows its time zone."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = {  # noqa: RUF012
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
        dict[str, str]: JSONB(),
    }


class Batch(Base):
    """One batch: whose it is, which key its calls are made with, what it reads, and how far it has come."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("starts_with(id, 'batch_')", name="id"),
        CheckConstraint(
            "status IN ('validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling',"
            " 'cancelled')",
            name="status",
        ),
        CheckConstraint(
            "completed_requests >= 0 AND failed_requests >= 0 AND completed_requests + failed_requests <= total_requests",
            name="requests",
        ),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        # A tenant's list, newest first: the ids are ordered by time.
        Index("batches_tenant_id_id_idx", "tenant_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    key_id: Mapped[str]
    endpoint: Mapped[str]
    input_file_id: Mapped[str]
    output_file_id: Mapped[str | None]
    error_file_id: Mapped[str | None]
    status: Mapped[str]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata")
    total_requests: Mapped[int]
    completed_requests: Mapped[int]
    failed_requests: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
