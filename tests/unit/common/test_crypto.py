"""API keys and sealed secrets."""

import base64

import pytest

from common.crypto.api_keys import hash_api_key, is_api_key, key_hint, new_api_key
from common.crypto.sealing import Sealer, SealingError


def keys(*ids: str) -> str:
    return ",".join(f"{id_}:{base64.b64encode(id_.encode().ljust(32, b'.')).decode()}" for id_ in ids)


def test_a_key_is_recognised_hashed_under_the_secret_and_shown_only_in_part() -> None:
    key = new_api_key()
    assert is_api_key(key)
    assert key != new_api_key()
    assert hash_api_key(b"a", key) != hash_api_key(b"b", key)
    assert key not in hash_api_key(b"a", key)
    assert len(key_hint(key)) < 15


@pytest.mark.parametrize("text", ["", "sk-", "sk-" + "a" * 47, "sk-" + "a" * 49, "sk-" + "é" * 48, "SK-" + "a" * 48])
def test_anything_else_is_no_key(text: str) -> None:
    assert not is_api_key(text)


def test_a_sealed_secret_opens_for_its_purpose_only() -> None:
    sealer = Sealer.from_setting(keys("k1"))
    sealed = sealer.seal("s3cret", purpose="route:1")
    assert "s3cret" not in sealed
    assert sealer.open(sealed, purpose="route:1") == "s3cret"
    with pytest.raises(SealingError):
        sealer.open(sealed, purpose="route:2")


def test_keys_rotate_old_texts_open_new_ones_use_the_first_key() -> None:
    old = Sealer.from_setting(keys("k1")).seal("s", purpose="p")
    both = Sealer.from_setting(keys("k2", "k1"))
    assert both.open(old, purpose="p") == "s"
    fresh = both.seal("s", purpose="p")
    with pytest.raises(SealingError):
        Sealer.from_setting(keys("k1")).open(fresh, purpose="p")


@pytest.mark.parametrize("text", ["", "v1.k1", "v1.k1.!!!", "v2.k1.AAAA", "v1.k9.AAAA", "v1.k1." + "A" * 40])
def test_a_damaged_text_raises_one_error(text: str) -> None:
    with pytest.raises(SealingError):
        Sealer.from_setting(keys("k1")).open(text, purpose="p")


@pytest.mark.parametrize(
    "setting", ["", "k1", "k1:xyz", "k1:" + base64.b64encode(bytes(16)).decode(), keys("a") + "," + keys("a")]
)
def test_a_bad_setting_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="encryption key"):
        Sealer.from_setting(setting)
