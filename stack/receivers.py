"""Reads from the environment and from files who is told of alerts, and says of everything wrong or half given what helps.

Secrets are named by file and never by value; what is in a file is in no message. A variable that is empty counts as
not set, since compose files hand on what they do not have as an empty text.
"""

import difflib
import os
import re
import stat
from collections.abc import Callable, Mapping
from email.utils import getaddresses
from pathlib import Path
from typing import Final, TypeVar

from stack.alertmanager_config import MailServer, Receivers, Ways

PREFIX: Final = "HASHYARD_ALERT_"

VARIABLES: Final = {
    "HASHYARD_ALERT_EMAIL_TO": "mail addresses, parted by commas, that are told of every alert",
    "HASHYARD_ALERT_EMAIL_SMARTHOST": "HOST:PORT of the mail server",
    "HASHYARD_ALERT_EMAIL_FROM": "address from which the mail comes",
    "HASHYARD_ALERT_EMAIL_USER": "name with which to sign in at the mail server",
    "HASHYARD_ALERT_EMAIL_PASSWORD_FILE": "file with the password for it",
    "HASHYARD_ALERT_EMAIL_REQUIRE_TLS": "no: send unencrypted where the mail server takes it so; yes unless said",
    "HASHYARD_ALERT_TELEGRAM_TOKEN_FILE": "file with the token of a Telegram bot",
    "HASHYARD_ALERT_TELEGRAM_CHAT_ID": "number of the chat that is told of every alert",
    "HASHYARD_ALERT_WEBHOOK_URL_FILE": "file with the URL to which every alert is posted",
    "HASHYARD_ALERT_PAGER_EMAIL_TO": "mail addresses that are told of critical alerts, besides",
    "HASHYARD_ALERT_PAGER_TELEGRAM_CHAT_ID": "number of the chat that is told of critical alerts, besides",
    "HASHYARD_ALERT_PAGER_WEBHOOK_URL_FILE": "file with the URL to which critical alerts are posted, besides",
    "HASHYARD_ALERT_DEAD_MANS_SWITCH_URL_FILE": "file with the URL that is posted to every minute",
    "HASHYARD_CONTROLLER_URL": "address at which people open the controller, for links in messages",
    "HASHYARD_GRAFANA_URL": "address at which people open Grafana, for links in messages",
}
"""Every variable that is read here, and what it means."""

_MAX_BYTES = 4096
_HIGHEST_CHAT = 2**63 - 1
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_HOST_PORT = re.compile(rf"{_HOST}:(?P<port>[0-9]{{1,5}})")
# What a URL may consist of (RFC 3986). No braces: Alertmanager would take them for a template.
_URL = re.compile(
    rf"https?://(?:[^\s/?#@{{}}\"<>]+@)?{_HOST}(?::[0-9]{{1,5}})?(?:[/?][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?"
)
_BASE_URL = re.compile(rf"https?://{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~%-]+)*/?")
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{20,}")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"{}]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")

T = TypeVar("T")


class ReceiversWrong(ValueError):
    """The environment does not say rightly who is told; the message has a line for each mistake."""


def read_receivers(environment: Mapping[str, str]) -> Receivers:
    """Return who is told, from the variables and the files that they name. Raises ReceiversWrong with every mistake."""
    return _Reading(environment).receivers()


def notices(receivers: Receivers) -> list[str]:
    """Return a sentence for each thing that is allowed and that somebody may not have meant."""
    found = []
    if not (receivers.people or receivers.pager):
        found.append(
            "Nobody is told of alerts: set HASHYARD_ALERT_EMAIL_TO, HASHYARD_ALERT_TELEGRAM_CHAT_ID or "
            "HASHYARD_ALERT_WEBHOOK_URL_FILE"
        )
    elif not receivers.people:
        found.append(
            "Only critical alerts are told, to the pager: warnings go to HASHYARD_ALERT_EMAIL_TO, "
            "HASHYARD_ALERT_TELEGRAM_CHAT_ID or HASHYARD_ALERT_WEBHOOK_URL_FILE"
        )
    if receivers.dead_mans_switch_url is None:
        found.append(
            "Nobody notices when the alerts themselves stop: name a dead man's switch with "
            "HASHYARD_ALERT_DEAD_MANS_SWITCH_URL_FILE"
        )
    return found


class _Reading:
    """One reading of the environment, which collects the mistakes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {name: text for name, text in environment.items() if text.strip()}
        self._mistakes: list[str] = []

    def receivers(self) -> Receivers:
        self._look_for_unknown()
        people, pager = self._ways(PREFIX), self._ways(f"{PREFIX}PAGER_")
        found = Receivers(
            people=people,
            pager=pager,
            mail=self._mail(),
            telegram_token=self._telegram_token(),
            dead_mans_switch_url=self._secret(f"{PREFIX}DEAD_MANS_SWITCH_URL_FILE", _url),
            controller_url=self._value("HASHYARD_CONTROLLER_URL", _base_url) or Receivers.controller_url,
            grafana_url=self._value("HASHYARD_GRAFANA_URL", _base_url) or Receivers.grafana_url,
        )
        if self._mistakes:
            raise ReceiversWrong("\n".join(self._mistakes))
        return found

    def _look_for_unknown(self) -> None:
        for name in sorted(self._given):
            if not name.startswith(PREFIX) or name in VARIABLES:
                continue
            if f"{name}_FILE" in VARIABLES:
                remedy = f"it is secret: write it into a file, and name that with {name}_FILE"
            else:
                near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
                remedy = f"did you mean {near[0]}?" if near else "docs/alerting.md lists those that there are"
            self._mistakes.append(f"{name} is not read: {remedy}")

    def _ways(self, prefix: str) -> Ways:
        return Ways(
            email_to=self._value(f"{prefix}EMAIL_TO", _addresses),
            telegram_chat_id=self._value(f"{prefix}TELEGRAM_CHAT_ID", _chat),
            webhook_url=self._secret(f"{prefix}WEBHOOK_URL_FILE", _url),
        )

    def _mail(self) -> MailServer | None:
        to = self._set(f"{PREFIX}EMAIL_TO", f"{PREFIX}PAGER_EMAIL_TO")
        host, sender, user, password = (
            f"{PREFIX}EMAIL_{what}" for what in ("SMARTHOST", "FROM", "USER", "PASSWORD_FILE")
        )
        rest = self._set(host, sender, user, password)
        if to:
            self._demand(host, to[0], "the mail server, as in mail.example.com:587")
            self._demand(sender, to[0], "the address from which the mail comes")
        elif rest:
            self._mistakes.append(
                f"{rest[0]} is set and nobody has a mail address: set {PREFIX}EMAIL_TO, or take it away"
            )
        if self._set(user) and not self._set(password):
            self._demand(password, user, "the file with its password")
        if self._set(password) and not self._set(user):
            self._demand(user, password, "the name that the password belongs to")
        found = MailServer(
            smarthost=self._value(host, _host_port) or "",
            sender=self._value(sender, _address) or "",
            user=self._value(user, _line),
            password=self._secret(password, str),
            require_tls=self._value(f"{PREFIX}EMAIL_REQUIRE_TLS", _yes_or_no) is not False,
        )
        if found.password is not None and not found.require_tls and not _is_loopback(found.smarthost):
            self._mistakes.append(
                f"{PREFIX}EMAIL_REQUIRE_TLS is no, and a password is never sent unencrypted to another machine: "
                f"leave it out, or take {user} and {password} away"
            )
        return found if to else None

    def _telegram_token(self) -> str | None:
        token = f"{PREFIX}TELEGRAM_TOKEN_FILE"
        chats = self._set(f"{PREFIX}TELEGRAM_CHAT_ID", f"{PREFIX}PAGER_TELEGRAM_CHAT_ID")
        if chats:
            self._demand(token, chats[0], "the file with the token of the bot that writes there")
        elif self._set(token):
            self._mistakes.append(
                f"{token} is set and there is no chat to write to: set {PREFIX}TELEGRAM_CHAT_ID, or take it away"
            )
        return self._secret(token, _token)

    def _set(self, *names: str) -> list[str]:
        return [name for name in names if name in self._given]

    def _demand(self, name: str, because: str, what: str) -> None:
        if name not in self._given:
            self._mistakes.append(f"{because} is set and {name} is not: set it to {what}")

    def _value(self, name: str, convert: Callable[[str], T]) -> T | None:
        if name not in self._given:
            return None
        try:
            return convert(self._given[name].strip())
        except ValueError as error:
            self._mistakes.append(f"{name} {error}")
            return None

    def _secret(self, name: str, convert: Callable[[str], str]) -> str | None:
        if name not in self._given:
            return None
        try:
            return convert(_file_line(Path(self._given[name].strip())))
        except ValueError as error:
            # Without the path: where somebody wrote the secret itself, it would stand there.
            self._mistakes.append(f"{name} names a file that {error}")
            return None


def _file_line(path: Path) -> str:
    """Return the one line in a file; raise ValueError with why there is none, and never with what is in it."""
    try:
        # Not blocking: a pipe in its place would hold everything up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("is not a regular file: name one that holds one line")
            content = os.read(descriptor, _MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ValueError("does not exist: make it, readable for this user alone") from None
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}): see to its rights") from None
    try:
        text = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        # From None: the error of decoding holds the file's bytes.
        raise ValueError("is not UTF-8 text: write one line into it") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"is larger than {_MAX_BYTES} bytes: it holds one line")
    if not text.strip():
        raise ValueError("is empty: write one line into it")
    if not text.isprintable():
        raise ValueError("holds more than one line, or signs that cannot be printed: write one line into it")
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds signs that cannot be printed: give one line of text")
    return text


def _addresses(text: str) -> str:
    found = [_address(one) for one in text.split(",") if one.strip()]
    if not found:
        raise ValueError("holds no mail address: give one as in shift@example.com")
    return ", ".join(found)


def _address(text: str) -> str:
    parsed = getaddresses([text.strip()])
    # Alertmanager fills in templates here, so a name before the address may hold no braces either.
    if len(parsed) != 1 or not _ADDRESS.fullmatch(parsed[0][1]) or not text.isprintable() or "{" in text:
        raise ValueError(
            f"holds {_quoted(text)}, which is not a mail address: give one as in shift@example.com"
        )
    return text.strip()


def _host_port(text: str) -> str:
    found = _HOST_PORT.fullmatch(text)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"is {_quoted(text)}, which is not HOST:PORT: give it as in mail.example.com:587")
    return text


def _chat(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,19}", text) or not 0 < abs(int(text)) <= _HIGHEST_CHAT:
        raise ValueError(
            f"is {_quoted(text)}, which is not the number of a chat: write to the bot there, and look for "
            '"chat":{"id":… in https://api.telegram.org/bot<token>/getUpdates'
        )
    return int(text)


def _token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("does not hold the token of a bot: @BotFather gives it, as in 123456:ABC…")
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("does not hold a URL: write one as in https://example.com/hook, other signs as %XX")
    return text


def _base_url(text: str) -> str:
    if not _BASE_URL.fullmatch(text):
        # Not quoted: there may be a password in it.
        raise ValueError(
            "is not an address to put before links: give it as in https://hashyard.example.com, without user or query"
        )
    return text.rstrip("/")


def _yes_or_no(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError(f"is {_quoted(text)}: say yes or no")
    return text.lower() in _YES


def _is_loopback(smarthost: str) -> bool:
    return smarthost.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]")


def _quoted(text: str) -> str:
    shown = text if len(text) <= 80 else text[:79] + "…"
    return repr(shown)
