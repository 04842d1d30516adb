"""Passwords: argon2id beside the event loop, two at a time, and what a password may be."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from controller.api.problems import Mistake, Problem
from controller.wording import worded

T = TypeVar("T")

MIN_LENGTH = 12
MAX_LENGTH = 128

NewPassword = Annotated[str, msgspec.Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
GivenPassword = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH)]

AT_ONCE = 2
"""Each takes 64 MiB: a flood of sign-ins must not eat the memory."""
MAX_WAITING = 40

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what is mistaken for something else when it is read from a screen: i, l, o, 0, 1."""

_COMMON_WORDS = (
    "000000000000 0123456789ab 0987654321qwerty 111111111111 112233445566 11223344556677 121212121212 123123123123 "
    "123321123321 1234567890 12345678900 123456789000 12345678901 123456789012 1234567890123 12345678901234 "
    "123456789012345 1234567890123456 1234567890qwerty 1234567890abc 1234567891011 123456789101112 123456789abc "
    "123456789qwe 12345qwertyui 123qweasdzxc 1a2b3c4d5e6f 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv "
    "1qazxsw23edc 222222222222 654321654321 987654321000 987654321012 999999999999 abc123abc123 abcabcabcabc "
    "abcd1234abcd abcdefghijkl abcdefghijklm abcdefghijklmnop admin1234567 admin12345678 adminadminadmin "
    "administrator administrator1 administrator123 antminerantminer asdfasdfasdf asdfghjkl123 asdfghjkl1234 "
    "asdfghjklzxcvbnm basketball12 bitcoinbitcoin bitcoin12345 bitcoin123456 changemechangeme changeme1234 "
    "changeme12345 computer1234 dragondragon footballfootball football1234 hashyard1234 hashyardhashyard "
    "iloveyou1234 iloveyouiloveyou letmeinletmein letmein12345 letmein123456 liverpoolfc12 masterpassword "
    "miningmining miner1234567 monkeymonkey mypassword12 mypassword123 mypassword1234 p@ssw0rd1234 p@ssword1234 "
    "pa55word1234 passw0rd1234 passw0rd12345 passw0rdpassw0rd password0000 password1111 password1234 "
    "password12345 password123456 password1234567 password12345678 password123456789 password2020 password2021 "
    "password2022 password2023 password2024 password2025 password2026 passwordpassword princess1234 "
    "q1w2e3r4t5y6 q1w2e3r4t5y6u7 qazwsxedc123 qazwsxedcrfv qazwsxedcrfvtgb qwe123qwe123 qweasdzxc123 "
    "qweqweqweqwe qwer1234qwer qwerty123456 qwerty1234567 qwerty12345678 qwerty123456789 qwertyqwerty "
    "qwertyuiop12 qwertyuiop123 qwertyuiop1234 qwertyuiop[] qwertyuiopasdfghjkl rootrootroot rootroot1234 "
    "secretsecret secret123456 starwars1234 sunshine1234 superman1234 superpassword testtesttest test12345678 "
    "trustno1trustno1 welcome12345 welcome123456 whatsminer12 whatsminer123 zaq12wsxcde3 zaq1xsw2cde3 "
    "zxcvbnm12345 zxcvbnm123456 correcthorsebatterystaple"
)
_COMMON = frozenset(_COMMON_WORDS.split())


def check_new(password: str, username: str, at: str) -> None:
    """Raise Problem for a password that others try first. Its length is checked where it is decoded."""
    plain = password.casefold()
    if plain in _COMMON or len(set(plain)) <= 2 or plain.strip("0123456789!.?") in ("", username.casefold()):
        detail = worded(
            "this is one that others try first: choose another, such as four words that do not belong together"
        )
        raise Problem("invalid", detail, [Mistake(at, "common", detail)])


def one_time_password() -> str:
    """Return a random password that can be read from a screen: 20 characters, 99 bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return "-".join(letters[at : at + 5] for at in range(0, 20, 5))


class Passwords:
    """Hashing and checking. To be closed."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` None: argon2-cffi's defaults (argon2id, 64 MiB, 3 passes, 4 lanes)."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to be kept. Raises Problem (too-many) when too many wait."""
        return await self._beside(lambda: self._hasher.hash(password))

    async def verify(self, kept: str | None, password: str) -> tuple[bool, str | None]:
        """Return whether the password is right, and a new hash to be kept where parameters have changed.

        `kept` None: there is no such user; that takes as long, and is never right. Raises Problem (too-many).
        """
        return await self._beside(lambda: self._verify(kept, password))

    def close(self) -> None:
        """End the threads, after what they are at."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _verify(self, kept: str | None, password: str) -> tuple[bool, str | None]:
        if kept is None:
            if self._nobodys is None:
                self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
            self._is(self._nobodys, password)
            return False, None
        if not self._is(kept, password):
            return False, None
        return True, self._hasher.hash(password) if self._hasher.check_needs_rehash(kept) else None

    def _is(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Problem(
                "too-many", worded("too many sign-ins are waiting; try again"), headers={"Retry-After": "10"}
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
