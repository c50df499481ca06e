"""Shapes of what the YAML file declares."""

from datetime import datetime

from pydantic import BaseModel

from admin_api.catalog.schemas import Alias
from admin_api.declared.domain import Declaration, State
from admin_api.declared.file import Reading
from admin_api.fields import RequestBody


class DeclaredModel(BaseModel):
    """A model of the file. `overridden` or `deleted` through the Admin API, it stays so until it is reset; `broken`: `problem` says
    why what the file says is not in force. Models that are not listed are the Admin API's alone."""

    alias: str
    state: State
    problem: str | None

    @classmethod
    def of(cls, declaration: Declaration) -> "DeclaredModel":
        return cls.model_validate(declaration, from_attributes=True)


class Configuration(BaseModel):
    """What the configuration file declares. `file` is null without one; `read_at` is when the answering replica last read it, and
    `problems` what was wrong with it then."""

    file: str | None
    read_at: datetime | None
    problems: list[str]
    models: list[DeclaredModel]

    @classmethod
    def of(cls, file: str | None, last: Reading | None, declarations: list[Declaration]) -> "Configuration":
        return cls(
            file=file,
            read_at=None if last is None else last.at,
            problems=[] if last is None else list(last.problems),
            models=[DeclaredModel.of(each) for each in declarations],
        )


class ModelReset(RequestBody):
    """The alias of a model to be made what the file says again."""

    alias: Alias
