"""Makes Alertmanager's configuration for one place: prometheus/alertmanager.yml with the ways to people filled in.

Plain data in, text out. The text holds the passwords, tokens and addresses that are secret, since Alertmanager 0.25
(Debian 12) can read none of them but the mail password from a file: whoever writes it lets nobody but Alertmanager read
it, and keeps it out of any repository.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

PEOPLE: Final = "people"
PAGER: Final = "pager"
DEAD_MANS_SWITCH: Final = "dead-mans-switch"

_HEADING = """\
# Written by Hashyard from prometheus/alertmanager.yml and the environment: what is changed here is lost. Holds secrets.
"""


class TemplateWrong(ValueError):
    """The text to be filled in is not what prometheus/alertmanager.yml is; the message is one line that says why."""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """What takes the mail. `smarthost`: HOST:PORT. `sender`: the address in From. `user` and `password` go together.

    `require_tls`: mail is sent encrypted or not at all (port 465 is TLS from the first byte, others by STARTTLS).
    """

    smarthost: str
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    require_tls: bool = True


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How somebody is told: mail addresses parted by commas, the number of a Telegram chat, a URL to which JSON is posted.

    Each is None where it is not used. The URL is secret: who knows it can post there.
    """

    email_to: str | None = None
    telegram_chat_id: int | None = None
    webhook_url: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        """Tell whether there is any way at all."""
        return not (self.email_to is None and self.telegram_chat_id is None and self.webhook_url is None)


@dataclass(frozen=True, kw_only=True)
class Receivers:
    """Who is told, and by what. `people`: of every alert; `pager`: of the critical ones, besides.

    `mail` has to be there where a way has an address, `telegram_token` (the bot's) where one has a chat.
    `dead_mans_switch_url` is posted to every minute. `controller_url` and `grafana_url` are what people open, without
    a slash at the end; links in messages begin with them.
    """

    people: Ways = Ways()
    pager: Ways = Ways()
    mail: MailServer | None = None
    telegram_token: str | None = field(default=None, repr=False)
    dead_mans_switch_url: str | None = field(default=None, repr=False)
    controller_url: str = "http://127.0.0.1:8000"
    grafana_url: str = "http://127.0.0.1:3000"


def rendered(template: str, receivers: Receivers, *, templates: str | None = None) -> str:
    """Return the configuration with the receivers filled in. Raises TemplateWrong, and ValueError for half a receiver.

    `template`: the text of prometheus/alertmanager.yml. `templates`: where the messages lie (`…/templates/*.tmpl`), as
    Alertmanager sees it; without it the path stays relative to the configuration.
    """
    config = _loaded(template)
    if templates is not None:
        config["templates"] = [templates]
    settings = _mail_settings(receivers.mail)
    if settings:
        config["global"] = {**config.get("global", {}), **settings}
    integrations = {
        PEOPLE: _integrations(receivers.people, receivers),
        PAGER: _integrations(receivers.pager, receivers),
        DEAD_MANS_SWITCH: _beats(receivers.dead_mans_switch_url),
    }
    for receiver in config["receivers"]:
        receiver.update(integrations.pop(receiver["name"], {}))
    if integrations:
        raise TemplateWrong(f"alertmanager.yml has no receiver {', '.join(integrations)}")
    return _HEADING + yaml.dump(
        config, Dumper=_WithoutAliases, allow_unicode=True, sort_keys=False, width=10_000
    )


def _loaded(template: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(template)
    except yaml.YAMLError as error:
        raise TemplateWrong(f"alertmanager.yml is not YAML: {' '.join(str(error).split())}") from None
    receivers = config.get("receivers") if isinstance(config, dict) else None
    if not isinstance(receivers, list) or not all(
        isinstance(one, dict) and "name" in one for one in receivers
    ):
        raise TemplateWrong("alertmanager.yml has no list of receivers with names")
    return deepcopy(config)


def _mail_settings(mail: MailServer | None) -> dict[str, Any]:
    if mail is None:
        return {}
    settings: dict[str, Any] = {
        "smtp_smarthost": mail.smarthost,
        "smtp_from": mail.sender,
        "smtp_require_tls": mail.require_tls,
    }
    if mail.user is not None:
        settings |= {"smtp_auth_username": mail.user, "smtp_auth_password": mail.password}
    return settings


def _integrations(ways: Ways, receivers: Receivers) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # The rules say paths. What is defined in the text of a message holds before what the message files say.
    links = (
        f'{{{{ define "hashyard.controller" }}}}{receivers.controller_url}{{{{ end }}}}'
        f'{{{{ define "hashyard.grafana" }}}}{receivers.grafana_url}{{{{ end }}}}'
    )
    if ways.email_to is not None:
        if receivers.mail is None:
            raise ValueError("there is a mail address and no mail server")
        found["email_configs"] = [
            {
                "to": ways.email_to,
                "send_resolved": True,
                "headers": {"Subject": '{{ template "hashyard.heading" . }}'},
                "html": links + '{{ template "hashyard.email.html" . }}',
                "text": links + '{{ template "hashyard.email.text" . }}',
            }
        ]
    if ways.telegram_chat_id is not None:
        if receivers.telegram_token is None:
            raise ValueError("there is a Telegram chat and no token of a bot")
        found["telegram_configs"] = [
            {
                "bot_token": receivers.telegram_token,
                "chat_id": ways.telegram_chat_id,
                "send_resolved": True,
                "parse_mode": "HTML",
                "message": links + '{{ template "hashyard.telegram" . }}',
            }
        ]
    if ways.webhook_url is not None:
        found["webhook_configs"] = [{"url": ways.webhook_url, "send_resolved": True}]
    return found


def _beats(url: str | None) -> dict[str, Any]:
    # That the alert has ended must not count as a beat.
    return {"webhook_configs": [{"url": url, "send_resolved": False}]} if url is not None else {}


class _WithoutAliases(yaml.SafeDumper):
    """Writes a value that stands in two places twice, which a person reads more easily than a reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature is PyYAML's
        return True
