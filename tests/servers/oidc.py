"""An OpenID provider in a thread of its own, with discovery, keys, codes with PKCE, tokens, user data and refresh. It is strict
about what it is asked, and lies in its answers when it is told to.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devstack.ports import LOOPBACK

CLIENT_ID = "gateway"
CLIENT_SECRET = "secret of the client"
Claims = dict[str, Any]


class OpenIdProvider:
    """`claims` are what it says of whoever signs in; `userinfo` what only its user data say. `twist` changes the claims of an ID
    token before it is signed, `sign` replaces the signing. `is_down`: it answers 503. `logins` counts code exchanges that worked.
    """

    def __init__(self, *, redirect_url: str) -> None:
        self.redirect_url = redirect_url
        self.claims: Claims = {"sub": "s-1", "email": "ada@example.com", "email_verified": True, "name": "Ada"}
        self.userinfo: Claims = {}
        self.twist: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = self.signed
        self.answer_iss: str | None = None
        self.is_down = False
        self.refuses_refresh = False
        self.metadata: dict[str, Any] = {}
        self.logins = 0
        self.discoveries = 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = "k1"
        self._codes: dict[str, dict[str, str]] = {}
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._serve(self, b"")

            def do_POST(self) -> None:
                provider._serve(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            def log_message(self, *_: Any) -> None:
                """Not into the test's output."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self, **more: Any) -> dict[str, Any]:
        """What a gateway is told of it."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_redirect_url": self.redirect_url,
            "oidc_recheck_seconds": 10,
            "allow_private_issuers": True,
            **more,
        }

    def authorize(self, url: str) -> str:
        """Somebody opens the authorization address and signs in; where their browser is sent back to."""
        assert url.startswith(f"{self.issuer}/authorize?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["redirect_uri"] == self.redirect_url
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        assert len(query["state"]) >= 32
        assert len(query["nonce"]) >= 32
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"code": code, "state": query["state"]}
        if self.answer_iss is not None:
            answer["iss"] = self.answer_iss
        return f"{self.redirect_url}?{urlencode(answer)}"

    def logout_token(self, **claims: Any) -> str:
        now = int(time.time())
        event: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
        return self.sign(
            {
                "iss": self.issuer,
                "aud": CLIENT_ID,
                "iat": now,
                "exp": now + 120,
                "jti": secrets.token_hex(8),
                "events": event,
                **claims,
            }
        )

    def signed(self, claims: Claims) -> str:
        """As it should be."""
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.kid})

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def rotate(self) -> None:
        """Another key under another name; the old one is gone."""
        self.key, self.kid = ec.generate_private_key(ec.SECP256R1()), secrets.token_hex(4)

    def _serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        path = urlsplit(request.path).path
        if self.is_down:
            self._send(request, 503, {"error": "down"})
        elif path == "/.well-known/openid-configuration":
            self.discoveries += 1
            self._send(request, 200, self._configuration())
        elif path == "/authorize":
            self._redirect(request, self.authorize(self.issuer + request.path))
        elif path == "/keys":
            public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
            self._send(request, 200, {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}]})
        elif path == "/token" and request.command == "POST":
            self._token(request, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        elif path == "/userinfo":
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            found = token in self._access
            self._send(request, 200 if found else 401, {"sub": self.claims["sub"], **self.userinfo} if found else {})
        else:
            self._send(request, 404, {})

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            **self.metadata,
        }

    def _token(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode().split(":")
        if [unquote(part) for part in given] != [CLIENT_ID, CLIENT_SECRET]:
            self._send(request, 401, {"error": "invalid_client"})
            return
        if form["grant_type"] == "refresh_token":
            known = form["refresh_token"] in self._refresh
            self._refresh.discard(form["refresh_token"])
            if not known or self.refuses_refresh:
                self._send(request, 400, {"error": "invalid_grant"})
                return
            self._send(request, 200, self._tokens(None))
            return
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or form["redirect_uri"] != asked["redirect_uri"]:
            self._send(request, 400, {"error": "invalid_grant"})
            return
        self.logins += 1
        self._send(request, 200, self._tokens(asked["nonce"]))

    def _tokens(self, nonce: str | None) -> dict[str, Any]:
        now, access, refresh = int(time.time()), secrets.token_urlsafe(), secrets.token_urlsafe()
        self._access.add(access)
        self._refresh.add(refresh)
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, **self.claims}
        if nonce is not None:
            claims["nonce"] = nonce
        return {
            "token_type": "Bearer",
            "access_token": access,
            "refresh_token": refresh,
            "id_token": self.sign(self.twist(claims)),
        }

    def _redirect(self, request: BaseHTTPRequestHandler, location: str) -> None:
        """Whoever comes is signed in already: nobody is asked for a password."""
        request.send_response(302)
        request.send_header("location", location)
        request.send_header("content-length", "0")
        request.end_headers()

    def _send(self, request: BaseHTTPRequestHandler, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def other_key() -> rsa.RSAPrivateKey:
    """Nobody's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
