"""The locks on Whatsminer's commands against another implementation (the `openssl` program) and against noise."""

import hashlib
import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.errors import Malformed
from miners.writers import whatsminer_cipher
from miners.writers.whatsminer_cipher import (
    MAX_SEALED,
    is_sealed,
    make_token,
    seal,
    unseal,
    v3_token,
)

SALTS = st.text("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=40)


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    if shutil.which("openssl") is None:
        pytest.skip("missing tool: openssl is not on the PATH; install it from the system's packages")
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def crypted(word: str, salt: str) -> str:
    """The fourth field of md5crypt, by openssl."""
    made = openssl("passwd", "-1", "-salt", salt, "-stdin", given=word.encode() + b"\n").decode().strip()
    return made.split("$")[3]


def aes(direction: str, key: bytes, data: bytes) -> bytes:
    return openssl("enc", direction, "-aes-256-ecb", "-nopad", "-K", key.hex(), given=data)


def test_md5crypt_is_that_of_published_vectors() -> None:
    # From the documentation of passlib, and of the FreeBSD crypt(3) tests.
    for word, salt, expected in (
        ("password", "3azHgidD", "SrJPt7B.9rekpmwJwtON31"),
        ("0.s0.l33t", "deadbeef", "0Huu6KHrKLVWfqa4WljDE0"),
    ):
        key = hashlib.sha256(expected.encode()).digest()
        assert make_token(word, salt, "abcdefgh", "1234").key == key


def test_the_cipher_is_aes_256_in_ecb_by_the_vectors_of_nist() -> None:
    # SP 800-38A, F.1.5
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    encryptor = whatsminer_cipher._cipher(key).encryptor()
    sealed = encryptor.update(plain) + encryptor.finalize()
    assert sealed.hex() == "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"


@settings(max_examples=15)
@given(password=PASSWORDS, salt=SALTS, new_salt=SALTS, time=st.integers(0, 10**10))
def test_a_token_is_what_openssl_makes_of_it(password: str, salt: str, new_salt: str, time: int) -> None:
    token = make_token(password, salt, new_salt, str(time))
    key = crypted(password, salt)
    assert token.key == hashlib.sha256(key.encode()).digest()
    assert token.sign == crypted(key + str(time), new_salt)


@settings(max_examples=10)
@given(percent=st.text("0123456789", min_size=1, max_size=20))
def test_a_whole_exchange_is_understood_by_openssl_and_openssl_by_us(percent: str) -> None:
    token = make_token("a house's own", "BQ5hoXV9", "jbzkfQls", "5626")
    request = seal(token, {"cmd": "set_power_pct", "percent": percent})
    assert set(request) == {"enc", "data"}
    assert request["enc"] == 1
    raw = b64decode(request["data"])
    assert len(raw) % 16 == 0
    command = json.loads(aes("-d", token.key, raw).rstrip(b"\0"))
    assert command == {"cmd": "set_power_pct", "percent": percent, "token": token.sign}

    answer = {"STATUS": "S", "Code": 131, "Msg": f"API command OK {percent}"}
    plain = json.dumps(answer).encode()
    sealed = aes("-e", token.key, plain + bytes(-len(plain) % 16))
    assert unseal(token, {"enc": b64encode(sealed).decode()}) == answer


def test_the_token_of_v3_is_what_openssl_makes_of_it() -> None:
    digest = openssl(
        "dgst", "-sha256", "-binary", given="set.miner.servicegeheim äQbVy1Ou31790000000".encode()
    )
    assert (
        v3_token("set.miner.service", "geheim ä", "QbVy1Ou3", 1_790_000_000) == b64encode(digest).decode()[:8]
    )


@pytest.mark.parametrize(
    ("salt", "new_salt", "time"),
    [
        (None, "jbzkfQls", "5626"),
        ("BQ5hoXV9", 7, "5626"),
        ("BQ5hoXV9", "jbzkfQls", ""),
        ("too long a salt", "jbzkfQls", "5626"),
        ("$1$x", "jbzkfQls", "5626"),
        ("BQ5hoXV9", "jbzkfQls", "5626; rm"),
        ("BQ5hoXV9", ["jbzkfQls"], "5626"),
    ],
)
def test_what_is_no_offer_of_a_token_is_said_to_be_none(salt: Any, new_salt: Any, time: Any) -> None:
    with pytest.raises(Malformed, match="the token that it offers is none"):
        make_token("secret", salt, new_salt, time)


@pytest.mark.parametrize("password", ["a\0b", "x" * 5000, "\udcff"])
def test_a_password_that_no_miner_can_have_is_not_told(password: str) -> None:
    with pytest.raises(ValueError, match="cannot have this password") as raised:
        make_token(password, "BQ5hoXV9", "jbzkfQls", "5626")
    assert password not in str(raised.value)
    assert raised.value.__cause__ is None


def test_neither_token_nor_key_is_printed() -> None:
    token = make_token("secret", "BQ5hoXV9", "jbzkfQls", "5626")
    assert f"{token} {token!r} {[token]}" == "<secret> <secret> [<secret>]"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TOKEN = make_token("secret", "BQ5hoXV9", "jbzkfQls", "5626")


@given(
    reply=st.fixed_dictionaries(
        {},
        optional={
            "enc": ANY_JSON | st.binary(max_size=64).map(lambda raw: b64encode(raw).decode()),
            "data": ANY_JSON,
        },
    )
)
def test_any_envelope_is_read_or_said_to_be_none(reply: dict[str, Any]) -> None:
    assert_read_or_refused(reply)


@given(raw=st.binary(max_size=400))
def test_whatever_bytes_are_in_the_envelope_end_as_an_object_or_as_words(raw: bytes) -> None:
    """Encrypted under the right key, so that noise reaches the parser as well."""
    padded = raw + bytes(-len(raw) % 16)
    sealed = _encrypted(padded)
    assert_read_or_refused({"enc": sealed})


@given(cut=st.integers(0, 200), answer=st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=4))
def test_an_answer_that_was_cut_is_never_taken_for_whole(cut: int, answer: dict[str, str]) -> None:
    plain = json.dumps(answer).encode()
    sealed = _encrypted(plain + bytes(-len(plain) % 16))
    if cut >= len(sealed):
        assert unseal(TOKEN, {"enc": sealed}) == answer
        return
    with pytest.raises(Malformed):
        unseal(TOKEN, {"enc": sealed[:cut]})


def test_an_answer_of_a_megabyte_is_not_even_decrypted() -> None:
    with pytest.raises(Malformed, match="longer than 64 KiB"):
        unseal(TOKEN, {"enc": "A" * (MAX_SEALED + 4)})


def test_an_answer_under_another_key_is_noise_and_stays_out_of_the_words() -> None:
    other = make_token("another", "BQ5hoXV9", "jbzkfQls", "5626")
    request = seal(other, {"cmd": "power_off"})
    with pytest.raises(Malformed, match="cannot be read with this password's key"):
        unseal(TOKEN, {"enc": request["data"]})


@pytest.mark.parametrize(
    ("reply", "sealed"),
    [
        ({"enc": "QUJD"}, True),
        ({"enc": 1, "data": "QUJD"}, True),
        ({"STATUS": "E", "Code": 135, "Msg": "check token error"}, False),
        ({}, False),
    ],
)
def test_an_envelope_is_told_from_a_plain_answer(reply: dict[str, Any], sealed: bool) -> None:
    assert is_sealed(reply) is sealed


def assert_read_or_refused(reply: dict[str, Any]) -> None:
    try:
        ended: Any = unseal(TOKEN, reply)
    except Malformed as error:
        ended = error
    assert isinstance(ended, dict) or str(ended).isprintable()


def _encrypted(plain: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415  # by other hands than ours

    encryptor = Cipher(algorithms.AES(TOKEN.key), modes.ECB()).encryptor()
    return b64encode(encryptor.update(plain) + encryptor.finalize()).decode()
