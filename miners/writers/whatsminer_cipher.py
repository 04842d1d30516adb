"""The locks on Whatsminer's writing commands: v2's token, key and AES envelope, v3's token of eight letters. All pure.

v2: the password goes through md5crypt with the miner's salt; the hash is the key of the envelope (AES-256-ECB of the
command, filled up with zero bytes, in base64), and once more through md5crypt with the new salt the sign that stands
in the command. v3: a hash of command, password, salt and time. Facts: MicroBT's API documents 2.0.5 and 3.0.
"""

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from typing import Final

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from passlib.hash import md5_crypt

from miners.errors import Malformed
from miners.link import Object
from miners.repair import parse_reply

MAX_SEALED: Final = 64 << 10
"""Letters of base64. Answers to commands are short; whoever sends more wants to keep this host busy."""

_BLOCK: Final = 16
_SALT: Final = re.compile(r"[./0-9A-Za-z]{1,8}")
_TIME: Final = re.compile(r"\d{1,20}", re.ASCII)
_TOKEN_LETTERS: Final = 8


class Token:
    """What v2 gives write access: the AES key of the envelope, and the sign in the command. Prints as `<secret>`."""

    __slots__ = ("key", "sign")

    def __init__(self, key: bytes, sign: str) -> None:
        self.key = key
        self.sign = sign

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


def make_token(password: str, salt: object, new_salt: object, time: object) -> Token:
    """Return the token of a password and the `salt`, `newsalt` and `time` that `get_token` gave.

    Raises Malformed if those are none, ValueError (without the password) if no miner can have the password.
    """
    for part, pattern in ((salt, _SALT), (new_salt, _SALT), (time, _TIME)):
        if not isinstance(part, str) or pattern.fullmatch(part) is None:
            raise Malformed("the token that it offers is none: salt and time are not of the form known")
    try:
        key = _md5crypt(password, str(salt))
    except ValueError:
        # Whose text is not ours, and might tell of the password.
        raise ValueError("a miner cannot have this password: it holds a zero byte or is too long") from None
    sign = _md5crypt(key + str(time), str(new_salt))
    return Token(hashlib.sha256(key.encode()).digest(), sign)


def seal(token: Token, command: Object) -> Object:
    """Return the request that carries the command, signed, in the envelope."""
    raw = orjson.dumps({**command, "token": token.sign})
    raw += bytes(-len(raw) % _BLOCK)
    encryptor = _cipher(token.key).encryptor()
    return {"enc": 1, "data": b64encode(encryptor.update(raw) + encryptor.finalize()).decode()}


def is_sealed(reply: Object) -> bool:
    """Tell whether an answer came in the envelope; errors often come without."""
    return "enc" in reply and "STATUS" not in reply


def unseal(token: Token, reply: Object) -> Object:
    """Return the answer in an envelope (`{"enc": "<base64>"}`). Raises Malformed, and nothing else, if there is none."""
    sealed = reply.get("enc")
    if not isinstance(sealed, str):
        sealed = reply.get("data")  # The form in which the requests go.
    if not isinstance(sealed, str):
        raise Malformed("it answers in an envelope with nothing in it")
    if len(sealed) > MAX_SEALED:
        raise Malformed(f"its encrypted answer is longer than {MAX_SEALED >> 10} KiB, which no miner's is")
    try:
        raw = b64decode("".join(sealed.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("its encrypted answer is no base64") from None
    if not raw or len(raw) % _BLOCK:
        raise Malformed("its encrypted answer was cut: it is not of whole blocks")
    decryptor = _cipher(token.key).decryptor()
    try:
        answer, cut = parse_reply(decryptor.update(raw) + decryptor.finalize())
    except Malformed:
        # What stands there may be the miner's words under another key: noise, and not for a log.
        raise Malformed("its encrypted answer cannot be read with this password's key") from None
    if cut or not isinstance(answer, dict):
        raise Malformed("its encrypted answer is no whole object")
    return answer


def v3_token(command: str, password: str, salt: str, ts: int) -> str:
    """Return v3's token of one command at one time (`ts`, unix seconds)."""
    digest = hashlib.sha256(f"{command}{password}{salt}{ts}".encode()).digest()
    return b64encode(digest).decode()[:_TOKEN_LETTERS]


def _md5crypt(word: str, salt: str) -> str:
    """Return the fourth field of `$1$salt$hash`."""
    return str(md5_crypt.using(salt=salt).hash(word)).split("$")[3]


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # the maker's own choice
