"""Turning a document, or the block `bootstrap` of the YAML file, into what is wanted."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from admin_api.bootstrap.domain import Content
from admin_api.bootstrap.schemas import BootstrapDocument
from admin_api.bootstrap.values import SECRETS, with_money_as_text
from common.configuration.document import Document, Where
from common.configuration.given import Problem, UnusableError
from common.configuration.references import References
from common.validation import place_of

BLOCK: Final = "bootstrap"


def read_block(document: Document, *, environment: Mapping[str, str] | None) -> Content:
    """The block of a YAML file; nothing without one. Without an environment, named secrets are taken for given. Secrets cannot be
    written in it unless it says `allow_literal_secrets`: such a file is meant to be kept where everybody reads it.

    Raises `UnusableError`."""
    block = document.values.get(BLOCK)
    if block is None:
        return Content()
    allowed = isinstance(block, Mapping) and block.get("allow_literal_secrets") is True
    return _read(document, block, (BLOCK,), environment=environment, literals=allowed)


def find_problems(document: Document) -> list[Problem]:
    """What is wrong in the block, for `config check`. Whether secrets are where it says is left to the process that needs them."""
    try:
        read_block(document, environment=None)
    except UnusableError as error:
        return error.problems
    return []


def read_whole(document: Document, *, environment: Mapping[str, str]) -> Content:
    """A document of its own, which is a secret itself, and may hold others. Raises `UnusableError`."""
    return _read(document, document.values, (), environment=environment, literals=True)


def _read(
    document: Document, block: Any, where: Where, *, environment: Mapping[str, str] | None, literals: bool
) -> Content:
    references = References(document=document, environment=environment, secrets=SECRETS, literals=literals)
    block = with_money_as_text(references.resolved(block, where))
    problems = references.problems
    try:
        content = BootstrapDocument.model_validate(block).value()
    except ValidationError as error:
        problems += [
            Problem(document.at(place := (*where, *place_of(each))), ".".join(map(str, place)), each["msg"])
            for each in error.errors(include_input=False, include_url=False)
        ]
    if problems:
        raise UnusableError(problems)
    return content
