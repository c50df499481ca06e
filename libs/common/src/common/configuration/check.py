"""What `config check` and `config show` do. Nothing is connected to. Values of secrets are never printed."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Set
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from common.configuration.command import BlockCheck, Processes
from common.configuration.document import Document, DocumentError, read_document
from common.configuration.given import CONFIG_FILE, Found, Problem, collect
from common.configuration.keys import Setting, settings_in
from common.configuration.known import all_variables, unknown_keys
from common.settings import problems_of

_OURS: Final = ("OMG_",)
_NOT_SETTINGS: Final = (CONFIG_FILE, "OMG_DATA_DIR", "OMG_GATEWAY_PORT", "OMG_PORTAL_PORT", "OMG_ADMIN_PASSWORD")


def run(arguments: argparse.Namespace, processes: Processes, blocks: BlockCheck) -> int:
    """The exit code: 1 when something is wrong."""
    environment = {name: value for name, value in os.environ.items() if name != CONFIG_FILE}
    file = arguments.file or os.environ.get(CONFIG_FILE, "").strip()
    try:
        document = read_document(Path(file)) if file else None
    except DocumentError as error:
        return _tell([Problem("", "", str(error))], as_json=arguments.json)
    if arguments.action == "show":
        return _show(processes, environment, document, as_json=arguments.json)
    problems = find_problems(processes, environment, document, file_only=arguments.file_only)
    if document is not None:
        problems += blocks(document)
    return _tell(list(dict.fromkeys(problems)), as_json=arguments.json)


def find_problems(
    processes: Processes, environment: Mapping[str, str], document: Document | None, *, file_only: bool
) -> list[Problem]:
    """Everything that is wrong for any of the processes. `file_only`: what is required and absent is not."""
    problems = [] if document is None else unknown_keys(document)
    problems += _misspelt(environment)
    for settings in processes.values():
        found, unreadable = collect(settings, environment, document, look_up=not file_only)
        told = {each.key or each.where.removesuffix("_FILE") for each in unreadable}
        problems += unreadable
        problems += [each for each in _invalid(settings, found, file_only=file_only) if each.where not in told]
    return list(dict.fromkeys(problems))


def _invalid(settings: type[BaseSettings], found: Mapping[str, Found], *, file_only: bool) -> list[Problem]:
    try:
        # Past `__init__`, which would read the environment of this very process.
        settings.__pydantic_validator__.validate_python(
            {name: each.value for name, each in found.items()}, self_instance=settings.__new__(settings)
        )
    except ValidationError as error:
        wrong = problems_of(settings, error, found)
        absent = {each.variable for each in settings_in(settings) if each.name not in found}
        return [each for each in wrong if not (file_only and each.where in absent)]
    return []


def _misspelt(environment: Mapping[str, str]) -> list[Problem]:
    known = all_variables()
    problems = []
    for name in sorted(environment):
        if name.startswith(_OURS) and name not in known and name not in _NOT_SETTINGS:
            close = get_close_matches(name, known, n=1, cutoff=0.85)
            if close:
                problems.append(Problem(name, "", f"no process reads this variable; is it {close[0]}?"))
    return problems


def _tell(problems: list[Problem], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([str(each) for each in problems]))  # noqa: T201 - its answer
    elif problems:
        sys.stderr.write("".join(f"{each}\n" for each in problems))
    else:
        print("the configuration is usable")  # noqa: T201 - its answer
    return 1 if problems else 0


def _show(processes: Processes, environment: Mapping[str, str], document: Document | None, *, as_json: bool) -> int:
    found = rows(processes, environment, document)
    if as_json:
        print(json.dumps(found))  # noqa: T201 - its answer
        return 0
    width = max(map(len, found), default=0)
    for path, row in sorted(found.items()):
        print(f"{path:<{width}}  {row['value']}  ({row['source']})")  # noqa: T201 - its answer
    return 0


def rows(processes: Processes, environment: Mapping[str, str], document: Document | None) -> dict[str, dict[str, Any]]:
    """By key: the value, secrets masked, and where it comes from."""
    shown: dict[str, dict[str, Any]] = {}
    for settings in processes.values():
        found, _ = collect(settings, environment, document)
        shown |= {setting.path: _row(setting, found.get(setting.name)) for setting in settings_in(settings)}
    return shown


def _masked(value: Any, names: Set[str]) -> Any:
    if isinstance(value, list):
        return [_masked(each, names) for each in value]
    if isinstance(value, dict):
        return {key: "***" if key in names else _masked(below, names) for key, below in value.items()}
    return value


def _row(setting: Setting, found: Found | None) -> dict[str, Any]:
    if found is not None:
        return {
            "value": "***" if setting.secret else _masked(found.value, setting.inner_secrets),
            "source": found.where,
        }
    if setting.field.is_required():
        return {"value": None, "source": f"not set; required: {setting.variable}"}
    value = setting.field.get_default(call_default_factory=True, validated_data={})
    return {"value": value if isinstance(value, bool | int | float | None) else str(value), "source": "default"}
