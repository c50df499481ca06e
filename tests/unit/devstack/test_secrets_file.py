import base64
import json
import stat
from pathlib import Path

import pytest

from common.crypto.api_keys import is_api_key
from devstack.provision import SCHEMAS
from devstack.secrets_file import Secrets, SecretsFileError, load_or_create


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_made_for_its_owner_only_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_or_create(path)
    assert mode(path) == 0o600
    assert load_or_create(path) == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.json"]


def test_a_loose_mode_is_tightened(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    load_or_create(path)
    path.chmod(0o644)
    load_or_create(path)
    assert mode(path) == 0o600


def test_secrets_have_the_shapes_their_readers_want() -> None:
    secrets = Secrets.generate()
    assert is_api_key(secrets.demo_api_key)
    assert len(bytes.fromhex(secrets.key_hash_secret)) == 32
    key_id, _, key = secrets.encryption_keys.partition(":")
    assert key_id
    assert len(base64.b64decode(key, validate=True)) == 32
    assert len(secrets.admin_password) >= 12
    assert secrets.database_passwords.keys() == SCHEMAS.keys()


def test_two_installations_share_nothing() -> None:
    one, other = Secrets.generate(), Secrets.generate()
    for name in Secrets.__slots__:
        assert getattr(one, name) != getattr(other, name)


def test_a_secret_that_is_new_in_this_version_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_or_create(path)
    stored = json.loads(path.read_text())
    del stored["redis_password"]
    del stored["database_passwords"]["alerts"]
    path.write_text(json.dumps(stored))
    second = load_or_create(path)
    assert second.redis_password
    assert second.database_passwords["alerts"]
    assert second.demo_api_key == first.demo_api_key
    assert second.database_passwords["admin_api"] == first.database_passwords["admin_api"]
    assert load_or_create(path) == second


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_file_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(SecretsFileError, match="damaged"):
        load_or_create(path)
    assert path.read_text() == content


def test_secrets_do_not_print_themselves() -> None:
    secrets = Secrets.generate()
    assert secrets.demo_api_key not in f"{secrets!r} {secrets}"
