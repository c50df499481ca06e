"""`python -m tests.architecture.configuration`: writes the reference of settings and the JSON Schema of the YAML file.

Both are made from the settings classes of all processes, so there is one definition of each setting.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings

from common.configuration.keys import Setting, settings_in

_ROOT: Final = Path(__file__).parents[2]
REFERENCE: Final = _ROOT / "docs/reference/configuration.md"
SCHEMA: Final = _ROOT / "libs/common/src/common/configuration/schema.json"

PROCESSES: Final[Mapping[str, str]] = {
    "edge-proxy": "edge_proxy.settings:EdgeSettings",
    "admin-api": "admin_api.settings:ServeSettings",
    "admin-api worker": "admin_api.settings:WorkerSettings",
    "admin-api bootstrap": "admin_api.settings:BootstrapSettings",
    "admin-api migrate": "admin_api.settings:MigrateSettings",
    "batch-runner": "batch_runner.settings:ServeSettings",
    "file-service": "file_service.settings:ServeSettings",
    "alerts": "alerts.settings:ServeSettings",
}
BLOCKS: Final[Mapping[str, str]] = {
    "bootstrap": "Tenants, people, keys, limits, budgets and models that an installation starts with (docs/configuration.md).",
    "model_catalog": "Aliases that are kept as this file says (docs/configuration.md).",
}
_HEAD: Final = """\
# Configuration

Every setting of every process. Each can be given in the YAML file that `OMG_CONFIG_FILE` names, by its key, and in the
environment, by its variable, which wins. A secret is never read from the YAML file: its variable holds it, or `<VARIABLE>_FILE`
names a file that does. Lists in the environment are JSON or separated by commas. How to use it:
[configuration.md](../configuration.md).

Made from the settings classes (`python -m tests.architecture.configuration`); a test compares.
"""


def classes() -> dict[str, type[BaseSettings]]:
    """By process."""
    found = {}
    for process, place in PROCESSES.items():
        module, _, name = place.partition(":")
        found[process] = getattr(import_module(module), name)
    return found


def users() -> dict[str, list[tuple[str, type[BaseSettings], Setting]]]:
    """Who uses a key, by its path: in the order of processes."""
    found: dict[str, list[tuple[str, type[BaseSettings], Setting]]] = {}
    for process, settings in classes().items():
        for setting in settings_in(settings):
            found.setdefault(setting.path, []).append((process, settings, setting))
    return dict(sorted(found.items()))


def schema() -> dict[str, Any]:
    """The JSON Schema of the YAML file."""
    properties: dict[str, Any] = {
        name: {"description": about, "type": ["object", "array"], "x-block": True} for name, about in BLOCKS.items()
    }
    for path, used in users().items():
        *sections, name = path.split(".")
        below = properties
        for section in sections:
            entry = below.setdefault(section, {"type": "object", "additionalProperties": False, "properties": {}})
            below = entry["properties"]
        _, settings, setting = used[0]
        entry = {
            key: value
            for key, value in _json_schema(settings, setting).items()
            if key not in {"title", "default", "format"}
        }
        below[name] = entry | {"description": setting.about, "x-variable": setting.variable}
        if setting.secret:
            below[name]["writeOnly"] = True
    definitions: dict[str, Any] = {}
    for settings in classes().values():
        definitions |= settings.model_json_schema().get("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The YAML file of Open Model Gateway",
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(properties.items())),
        **({"$defs": dict(sorted(definitions.items()))} if definitions else {}),
    }


def _json_schema(settings: type[BaseSettings], setting: Setting) -> dict[str, Any]:
    found: dict[str, Any] = settings.model_json_schema()["properties"][setting.name]
    return found


def reference() -> str:
    """The document."""
    parts = [_HEAD]
    section = None
    for path, used in users().items():
        if path.rpartition(".")[0] != section:
            section = path.rpartition(".")[0]
            parts.append(f"\n## {section}\n\n| key | variable | default | used by | |\n|---|---|---|---|---|\n")
        parts.append(_row(path, used))
    parts.append("\n## Blocks\n\n| key | |\n|---|---|\n")
    parts += [f"| `{name}` | {about} |\n" for name, about in BLOCKS.items()]
    return "".join(parts)


def _row(path: str, used: list[tuple[str, type[BaseSettings], Setting]]) -> str:
    _, settings, setting = used[0]
    processes = ", ".join(process for process, _, _ in used)
    if len(used) == len(PROCESSES):
        processes = "all"
    key = "secret" if setting.secret else f"`{path}`"
    variable = f"`{setting.variable}`" + (f", `{setting.file_variable}`" if setting.secret else "")
    about = " ".join(filter(None, (setting.about, _range(_json_schema(settings, setting)))))
    return f"| {key} | {variable} | {_default(setting)} | {processes} | {about} |\n"


def _default(setting: Setting) -> str:
    if setting.field.is_required():
        return "required"
    default = setting.field.default
    if setting.field.default_factory is not None or default is None:
        return ""
    if isinstance(default, tuple | list):
        default = ",".join(map(str, default))
    return f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else ""


def _range(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "One of " + ", ".join(f"`{each}`" for each in schema["enum"]) + "."
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is not None and high is not None:
        above = "above " if "exclusiveMinimum" in schema else ""
        return f"({above}{low:g} to {high:g})" if isinstance(low, float) else f"({above}{low} to {high})"
    return f"(at least {low})" if low is not None else ""


def schema_text() -> str:
    """As it is written."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference())
    SCHEMA.write_text(schema_text())
