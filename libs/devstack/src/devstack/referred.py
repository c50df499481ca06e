"""The variables that the YAML file refers to (`password_env: NAME`): admin-api needs them, and gets nothing else of ours."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.configuration.document import DocumentError, read_document
from common.configuration.given import CONFIG_FILE


def referred_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that are set. A file that cannot be read refers to none: the services themselves say what is wrong with it."""
    file = environment.get(CONFIG_FILE, "").strip()
    try:
        names = _names(read_document(Path(file)).values) if file else iter(())
        return {name: environment[name] for name in names if name in environment}
    except DocumentError:
        return {}


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _names(each)
    elif isinstance(value, dict):
        for key, below in value.items():
            if isinstance(key, str) and key.endswith("_env") and isinstance(below, str):
                yield below
            else:
                yield from _names(below)
