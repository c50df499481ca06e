"""The block `model_catalog` of the YAML file. Each entry is read by itself: a wrong one is reported, and the others count."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from admin_api.bootstrap.values import SECRETS, with_money_as_text
from admin_api.catalog.domain import Fallbacks
from admin_api.catalog.schemas import Alias, ModelWrite
from admin_api.declared.domain import Broken, Wanted, whole
from common.configuration.document import Document, Where
from common.configuration.given import Problem
from common.configuration.references import References
from common.validation import place_of

BLOCK: Final = "model_catalog"
_ALIAS: Final[TypeAdapter[str]] = TypeAdapter(Alias)


class ModelDeclared(ModelWrite):
    """As in a request to the Admin API, with the alias, and with the credentials' references resolved."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    alias: Alias


def read_models(
    document: Document, *, environment: Mapping[str, str] | None, hash_secret: bytes
) -> Sequence[Wanted | Broken] | None:
    """Null when the file has no such block. Without an environment, named secrets are taken for given."""
    block = document.values.get(BLOCK)
    if BLOCK not in document.values:
        return None
    if not isinstance(block, list):
        return (
            [Broken(None, f"{document.at((BLOCK,))}: {BLOCK}: this is a list of models")] if block is not None else []
        )
    found: list[Wanted | Broken] = []
    seen: set[str] = set()
    for index, entry in enumerate(block):
        each = _read(document, entry, (BLOCK, index), environment=environment, hash_secret=hash_secret)
        if each.alias in seen:
            found.append(Broken(None, f"{document.at((BLOCK, index))}: {each.alias} is declared twice"))
            continue
        if each.alias is not None:
            seen.add(each.alias)
        found.append(each)
    return found


def find_problems(document: Document) -> list[Problem]:
    """For `config check`."""
    models = read_models(document, environment=None, hash_secret=b"only to be looked at") or []
    return [Problem("", "", each.problem) for each in models if isinstance(each, Broken)]


def _read(
    document: Document, entry: Any, where: Where, *, environment: Mapping[str, str] | None, hash_secret: bytes
) -> Wanted | Broken:
    references = References(document=document, environment=environment, secrets=SECRETS)
    entry = with_money_as_text(references.resolved(entry, where))
    problems = references.problems
    try:
        model = ModelDeclared.model_validate(entry)
    except ValidationError as error:
        problems += [
            Problem(document.at(place := (*where, *place_of(each))), ".".join(map(str, place)), each["msg"])
            for each in error.errors(include_input=False, include_url=False)
        ]
    if problems:
        return Broken(_alias(entry), "; ".join(map(str, problems)))
    content = json.dumps(entry, sort_keys=True).encode()
    return Wanted(
        alias=model.alias,
        digest=hmac.new(hash_secret, content, hashlib.sha256).hexdigest(),
        enabled=model.enabled is not False,
        routes=tuple(whole(route.value()) for route in model.routes),
        fallbacks=Fallbacks(
            model.fallbacks or (), model.context_length_fallbacks or (), model.content_filter_fallbacks or ()
        ),
        capabilities=model.able_to() or {},
    )


def _alias(entry: Any) -> str | None:
    try:
        return _ALIAS.validate_python(entry.get("alias") if isinstance(entry, dict) else None)
    except ValidationError:
        return None
