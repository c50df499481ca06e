"""The secrets of one data folder: made on the first run, kept in `secrets.json` with mode 0600, and never printed as a whole."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from common.crypto.api_keys import new_api_key
from devstack.errors import DevstackError
from devstack.provision import SCHEMAS


class SecretsFileError(DevstackError):
    """The file cannot be read; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secrets:
    """`database_passwords` are by role; `key_hash_secret` is hexadecimal; `encryption_keys` has the form of OMG_ENCRYPTION_KEYS."""

    postgres_password: str
    database_passwords: Mapping[str, str]
    redis_password: str
    nats_password: str
    key_hash_secret: str
    encryption_keys: str
    admin_password: str
    demo_api_key: str

    @classmethod
    def generate(cls) -> Self:
        """Fresh ones, all from the operating system's random source."""
        return cls(
            postgres_password=secrets.token_urlsafe(24),
            database_passwords={role: secrets.token_urlsafe(24) for role in SCHEMAS},
            redis_password=secrets.token_urlsafe(24),
            nats_password=secrets.token_urlsafe(24),
            key_hash_secret=secrets.token_hex(32),
            encryption_keys="k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            admin_password=secrets.token_urlsafe(15),
            demo_api_key=new_api_key(),
        )


def load_or_create(path: Path) -> Secrets:
    """The secrets in `path`; a missing file is made, a missing secret (of a newer version) is added, a loose mode is tightened.

    Raises `SecretsFileError` when the file is damaged: replacing it would lock us out of the data it belongs to.
    """
    fresh = Secrets.generate()
    try:
        stored = json.loads(path.read_text())
        path.chmod(0o600)
    except FileNotFoundError:
        _write(path, asdict(fresh))
        return fresh
    except ValueError as error:
        raise SecretsFileError(f"{path} is damaged ({error}); restore it, or start over with `omg reset`") from None
    if not isinstance(stored, dict):
        raise SecretsFileError(f"{path} is damaged (not an object); restore it, or start over with `omg reset`")
    known = asdict(fresh)
    known["database_passwords"] |= stored.get("database_passwords", {})
    merged = (
        known
        | {field.name: stored[field.name] for field in fields(Secrets) if field.name in stored}
        | {"database_passwords": known["database_passwords"]}
    )
    if merged != stored:
        _write(path, merged)
    return Secrets(**merged)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
