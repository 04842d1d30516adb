"""The writing side of Whatsminer's API v2: tokens, sealed commands, and the many ways of being turned away.

Source: `docs/protocols.md`, section 3. The device answers 45 while writing is switched off or the password is the
maker's, 135 to a token that is not its own or has lapsed, and 23 to what its password does not open.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

import orjson

from simulator.catalogue import Figures
from simulator.devices import whatsminer_changes as changes
from simulator.devices.device import ACCESS_DENIED, INVALID_COMMAND, INVALID_JSON, Json, RpcDevice
from simulator.devices.whatsminer_cipher import NotBase64Error, md5crypt, seal, unseal
from simulator.moment import Moment
from simulator.setting import Change

DONE, FAILED, TOKEN_GIVEN, BAD_TOKEN, TOO_MANY_TOKENS, BAD_BASE64 = 131, 132, 134, 135, 136, 137
TOKEN_LIVES_S = 1_800.0
MOST_TOKENS = 32  # of one client address, at a time
NO_WRITING_WORDS = "can't access write cmd"


def _led(_figures: Figures, asked: Json) -> Change | str:
    if asked.get("param") == "auto":
        return Change({"locating": False})
    if asked.get("color") in {"red", "green"}:
        return Change({"locating": True})
    return "neither param auto nor a color"


COMMANDS: Mapping[str, Change | Callable[[Figures, Json], Change | str]] = {
    "power_off": changes.OFF,
    "power_on": changes.ON,
    "set_low_power": changes.LOW,
    "set_normal_power": changes.NORMAL,
    "set_high_power": changes.HIGH,
    "adjust_power_limit": lambda figures, asked: changes.limit(figures, asked.get("power_limit")),
    "set_power_pct": lambda _figures, asked: changes.percent(asked.get("percent")),
    "reboot": changes.RESTART,
    "set_led": _led,
}


class Token(NamedTuple):
    """A token as it was given, and the sign that shows it."""

    sign: str
    given_at: float


class WhatsminerV2Orders(RpcDevice):
    """What a Whatsminer does with who wants to write."""

    default_password: ClassVar[str | None] = "admin"  # noqa: S105  # the maker's well-known one
    _tokens: dict[str, list[Token]] | None = None  # by the address of the client
    _tokens_given: int = 0
    _key_of: tuple[str, str] = ("", "")  # a password and its key, which takes a while to find

    def reply(self, request: bytes, now: float) -> bytes:
        """Answer one request: sealed ones begin with `enc`."""
        if b'"enc"' in request:
            asked = _read(request)
            if asked is not None and "enc" in asked:
                self.physics.advance(now)
                return self._finish(self._sealed(asked, now), "", now)
        return super().reply(request, now)

    def refuse(self, command: str, moment: Moment) -> Json:
        """Give a token; refuse what only a sealed command may do."""
        if command == "get_token":
            return self._give_token(moment.now)
        if command in COMMANDS and not self.orders.obedience.no_writing:
            self.orders.refuse(command, {}, f"{ACCESS_DENIED} not sealed", moment.now)
            return self._error(moment.now, ACCESS_DENIED, NO_WRITING_WORDS)
        return super().refuse(command, moment)

    @property
    def _key(self) -> str:
        password = self.orders.password
        if self._key_of[0] != password:
            self._key_of = (password, md5crypt(password, self._salt))
        return self._key_of[1]

    @property
    def _salt(self) -> str:
        return self.identity.psu_serial[-8:]

    def _live_tokens(self, now: float) -> list[Token]:
        """Return the tokens of the client that are not lapsed."""
        lives = self.orders.obedience.token_s
        lives = TOKEN_LIVES_S if lives is None else lives
        if self._tokens is None:
            self._tokens = {}
        source = self.orders.source
        live = [token for token in self._tokens.get(source, ()) if now - token.given_at < lives]
        self._tokens[source] = live
        return live

    def _give_token(self, now: float) -> Json:
        obedience = self.orders.obedience
        if obedience.no_writing:
            self.orders.session("get_token", now, answer=f"{INVALID_COMMAND}")
            return self._error(now, *self.refused_words)
        if obedience.read_only:
            self.orders.session("get_token", now, answer=f"{ACCESS_DENIED}")
            return self._error(now, ACCESS_DENIED, NO_WRITING_WORDS)
        live = self._live_tokens(now)
        if len(live) >= MOST_TOKENS:
            self.orders.session("get_token", now, answer=f"{TOO_MANY_TOKENS}")
            return self._error(now, TOO_MANY_TOKENS, "over max connect")
        self._tokens_given += 1
        time = f"{int(now)}"[-4:]
        newsalt = sha256(f"{self._salt}{self._tokens_given}".encode()).hexdigest()[:8]
        live.append(Token(md5crypt(self._key + time, newsalt), now))
        self.orders.session("get_token", now)
        return self._plain(now, TOKEN_GIVEN, {"time": time, "salt": self._salt, "newsalt": newsalt})

    def _sealed(self, asked: Json, now: float) -> Json:
        """Answer a sealed command: sealed where it was taken, plainly where it was not."""
        obedience = self.orders.obedience
        if obedience.no_writing:
            return self._turn_away("enc", {}, now, *self.refused_words)
        try:
            text = unseal(self._key, str(asked.get("data", "")))
        except NotBase64Error:
            return self._turn_away("enc", {}, now, BAD_BASE64, "base64 decode error")
        command = _read(text)
        if command is None:
            return self._turn_away("enc", {}, now, INVALID_JSON, "enc json load err")
        name = str(command.pop("cmd", command.pop("command", "")))
        sign = command.pop("token", None)
        if all(sign != token.sign for token in self._live_tokens(now)):
            return self._turn_away(name, command, now, BAD_TOKEN, "check token error")
        if obedience.read_only or self.orders.password == self.default_password:
            return self._turn_away(name, command, now, ACCESS_DENIED, "permission denied")
        rule = COMMANDS.get(name)
        if rule is None:
            return self._turn_away(name, command, now, *self.refused_words)
        change = rule(self.figures, command) if callable(rule) else rule
        if isinstance(change, str):
            return self._turn_away(name, command, now, FAILED, change)
        if not self.orders.obey(name, command, change, now):
            return self._error(now, FAILED, "API command ERROR")
        return {"enc": seal(self._key, orjson.dumps(self._plain(now, DONE, "API command OK")))}

    def _turn_away(
        self, command: str, parameters: Mapping[str, Any], now: float, code: int, words: str
    ) -> Json:
        self.orders.refuse(command, parameters, f"{code} {words}", now)
        return self._error(now, code, words)

    def _plain(self, now: float, code: int, content: Any) -> Json:
        return {"STATUS": "S", "When": int(now), "Code": code, "Msg": content, "Description": ""}

    def _error(self, now: float, code: int, message: str) -> Json:
        if code < DONE and code != ACCESS_DENIED:
            return super()._error(now, code, message)
        return {"STATUS": "E", "When": int(now), "Code": code, "Msg": message, "Description": ""}


def _read(text: bytes) -> Json | None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
