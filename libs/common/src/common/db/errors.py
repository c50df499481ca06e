"""The one error that says "Postgres cannot do this now": every driver's and SQLAlchemy's way of saying it is turned into it.

It is an `OSError`, as a broken connection to any other server is, so that whoever retries those retries this.
"""

from typing import Final

from prometheus_client import Counter

# Not the statement's fault: the same one may pass in a while. Connection lost, server stopping or starting, out of resources,
# cancelled by a timeout, lost a race; and a schema that `migrate` has not made yet.
_TRANSIENT_CLASSES: Final = ("08", "53", "57", "58")
_TRANSIENT_CODES: Final = frozenset({"40001", "40P01", "55P03", "3F000", "42P01"})

unavailable = Counter("omg_database_unavailable_total", "Times Postgres could not be used.", ["cause"])


class DatabaseUnavailableError(ConnectionError):
    """Postgres is away, overloaded, or did not answer in time. The transaction, if there was one, is not committed,
    except when the commit itself got no answer."""


def is_transient(sqlstate: str | None) -> bool:
    """Whether an SQLSTATE says that the same statement may pass later."""
    return sqlstate is not None and (sqlstate[:2] in _TRANSIENT_CLASSES or sqlstate in _TRANSIENT_CODES)
