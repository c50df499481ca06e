"""A small client of the running stack's Admin API, logged in as the admin. Blocking, standard library only."""

import json
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from typing import Any, Final, Self

from devstack.errors import DevstackError

_TIMEOUT: Final = 10.0


class AdminApiError(DevstackError):
    """The Admin API is not there, or refused; the message says what it said."""


class AdminClient:
    """A session. Paths begin with `/admin`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        # Never through a proxy: it is on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    @classmethod
    def log_in(cls, base_url: str, *, email: str, password: str) -> Self:
        """Raises `AdminApiError`."""
        client = cls(base_url)
        client.post("/admin/auth/login", {"email": email, "password": password})
        return client

    def get(self, path: str) -> Any:
        """The JSON of a reply. Raises `AdminApiError`."""
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a reply. Raises `AdminApiError`."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base_url + path, data=data, method=method)  # noqa: S310 - http on the loopback interface
        request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as reply:
                return json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                said = _message(error.read())
            raise AdminApiError(f"{method} {path}: {error.code} {said}") from None
        except (OSError, ValueError) as error:
            raise AdminApiError(
                f"the Admin API at {self._base_url} does not answer ({error}); is `omg up` running?"
            ) from None


def _message(body: bytes) -> str:
    """What an error reply says to people."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
