"""Every provider the edge can speak to, by the name the catalog uses. Adding one is a folder and a line here."""

from collections.abc import Mapping
from typing import Final

from edge_proxy.providers.base import Provider
from edge_proxy.providers.openai.adapter import OpenAI

PROVIDERS: Final[Mapping[str, Provider]] = {
    "openai": OpenAI(name="openai"),
    "openai-compatible": OpenAI(name="openai-compatible"),
}
