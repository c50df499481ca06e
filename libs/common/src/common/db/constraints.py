"""Which constraint a statement ran into: the way a service tells "this name is taken" from a defect."""

from sqlalchemy.exc import IntegrityError


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that an `IntegrityError` is about, as Postgres reports it."""
    cause = error.orig.__cause__ if error.orig is not None else None
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None
