"""What `omg up` prints when everything is ready: how to make the first call, where to log in, where things are."""

import json
from collections.abc import Mapping, Sequence

from rich.console import Console

from devstack.commands import ADMIN_EMAIL
from devstack.data_folder import DataFolder
from devstack.secrets_file import Secrets
from devstack.services import gateway_url, portal_url


def curl_line(url: str, key: str, alias: str) -> str:
    """A command that streams an answer, in one line that survives copying."""
    body = {"model": alias, "stream": True, "messages": [{"role": "user", "content": "Say hello in one sentence."}]}
    return (
        f"curl -N {url}/v1/chat/completions -H 'Authorization: Bearer {key}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )


def print_welcome(
    console: Console,
    *,
    ports: Mapping[str, int],
    secrets: Secrets,
    data: DataFolder,
    has_portal: bool,
    aliases: Sequence[str],
    providers: Sequence[str],
    seconds: float,
) -> None:
    """Nothing here is wrapped: lines are made to be copied."""

    def line(text: str = "", style: str | None = None) -> None:
        console.print(text, style=style, soft_wrap=True, highlight=False, markup=False)

    line()
    line(f"Ready after {seconds:.1f} s.", "bold green")
    line()
    if aliases:
        line("Make a call:", "bold")
        line(curl_line(gateway_url(ports), secrets.demo_api_key, aliases[0]))
    else:
        line("There is no model yet: set a provider's key, such as OPENAI_API_KEY, or add one in the portal.", "yellow")
    line()
    what = "Portal" if has_portal else "Admin API (without portal)"
    line(f"{what}:  {portal_url(ports)}{'' if has_portal else '/docs'}", "bold")
    line(f"  log in as {ADMIN_EMAIL} with {secrets.admin_password}")
    line(f"Models:  {', '.join(aliases) or 'none'}", "bold")
    found = (
        f"keys found for {', '.join(providers)}"
        if providers
        else "set OPENAI_API_KEY or another provider's key for more"
    )
    line(f"  {found}", "dim")
    line(f"Data:    {data.path}    secrets in {data.secrets.name}", "dim")
    line(f"Logs:    {data.logs}", "dim")
    line()
    line("Ctrl-C stops everything; the next start finds the data again.", "dim")
