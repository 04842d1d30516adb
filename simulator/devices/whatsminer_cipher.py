"""What Whatsminer's API v2 seals its writing with: md5crypt for keys and tokens, AES-256-ECB for the commands.

Sources: `docs/protocols.md`, section 3; md5crypt as Poul-Henning Kamp published it with FreeBSD's `crypt`, written anew.
"""

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
ROUNDS = 1000
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TRIPLES = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))


class NotBase64Error(ValueError):
    """What should have been base64 is none, or no whole number of blocks."""


def md5crypt(password: str, salt: str) -> str:
    """Return the last field of `$1$salt$…`, 22 characters; a salt counts up to its eighth character."""
    secret, pinch = password.encode(), salt[:8].encode()
    inner = _md5(secret + pinch + secret)
    mixed = secret + b"$1$" + pinch + (inner * (len(secret) // BLOCK + 1))[: len(secret)]
    length = len(secret)
    while length:
        mixed += b"\0" if length & 1 else secret[:1]
        length >>= 1
    digest = _md5(mixed)
    for number in range(ROUNDS):
        odd = number & 1
        digest = _md5(
            (secret if odd else digest)
            + (pinch if number % 3 else b"")
            + (secret if number % 7 else b"")
            + (digest if odd else secret)
        )
    written = "".join(
        _sextets(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
        for first, second, third in _TRIPLES
    )
    return written + _sextets(digest[11], 2)


def seal(key: str, text: bytes) -> str:
    """Return text, filled with zero bytes up to whole blocks, in AES and base64."""
    filled = text + b"\0" * (-len(text) % BLOCK)
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(filled) + encryptor.finalize()).decode()


def unseal(key: str, data: str) -> bytes:
    """Return what was sealed, without the zero bytes at its end. Raises NotBase64Error."""
    try:
        sealed = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotBase64Error("not base64") from None
    if not sealed or len(sealed) % BLOCK:
        raise NotBase64Error("not whole blocks")
    decryptor = _cipher(key).decryptor()
    return (decryptor.update(sealed) + decryptor.finalize()).rstrip(b"\0")


def _cipher(key: str) -> Cipher[modes.ECB]:
    secret = hashlib.sha256(key.encode()).digest()
    return Cipher(algorithms.AES(secret), modes.ECB())  # noqa: S305  # the maker's choice


def _sextets(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> 6 * place & 63] for place in range(count))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
