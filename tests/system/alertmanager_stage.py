"""A real Alertmanager with the project's configuration, and what it writes to: a webhook, a Telegram and a mail server.

All of it on loopback. The configuration is the rendered one with its times made short, and nothing else changed but
the address of Telegram.
"""

import email.policy
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stack.alertmanager_config import MailServer, Receivers, Ways, rendered
from tests.alert_rules import CONFIG, MESSAGES
from tests.system.stack import Program, Stack, ask

TOKEN = "123456:planted-planted-planted-planted"
Labels = dict[str, str]


class Notification(NamedTuple):
    """What was posted to a webhook: to which receiver, and the alerts with their labels."""

    receiver: str
    firing: list[Labels]
    resolved: list[Labels]


class Sinks:
    """Everything that Alertmanager wrote to anybody, in the order in which it came."""

    def __init__(self, host: str) -> None:
        self.notifications: list[Notification] = []
        self.telegrams: list[dict[str, Any]] = []
        self.mails: list[EmailMessage] = []
        self._web = _WebServer((host, 0), _Web)
        self._mail = _MailServer((host, 0), _Mail)
        self._web.sinks = self._mail.sinks = self

    @property
    def url(self) -> str:
        """Where the webhooks are, and Telegram."""
        return "http://{}:{}".format(*self._web.server_address[:2])

    @property
    def smarthost(self) -> str:
        """Where mail is taken."""
        return "{}:{}".format(*self._mail.server_address[:2])

    def seen(self, receiver: str = "people", since: int = 0) -> list[Labels]:
        """Return the labels of every alert that was told as firing, once for each time; `since` a place among the posts."""
        posted = list(self.notifications)[since:]
        return [labels for one in posted if one.receiver == receiver for labels in one.firing]

    @contextmanager
    def open(self) -> Iterator["Sinks"]:
        """Take what is sent for a while."""
        threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (self._web, self._mail)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for server in (self._web, self._mail):
                server.shutdown()
                server.server_close()
            for thread in threads:
                thread.join()


class _WebServer(ThreadingHTTPServer):
    sinks: Sinks
    request_queue_size = 128


class _Web(BaseHTTPRequestHandler):
    server: _WebServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: object = {}
        if self.path == f"/bot{TOKEN}/sendMessage":
            self.server.sinks.telegrams.append(body)
            answer = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "group"}}}
        else:
            alerts = {
                status: [alert["labels"] for alert in body["alerts"] if alert["status"] == status]
                for status in ("firing", "resolved")
            }
            self.server.sinks.notifications.append(Notification(self.path.removeprefix("/"), **alerts))
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing: what came is kept."""


class _MailServer(socketserver.ThreadingTCPServer):
    sinks: Sinks
    daemon_threads = True


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client without TLS and sign-in uses."""

    server: _MailServer

    def handle(self) -> None:
        self._say("220 ready")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"DATA":
                self._say("354 go on")
                self._take()
                self._say("250 taken")
            elif command == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(re.sub(rb"^\.\.", b".", line))
        parser = BytesParser(EmailMessage, policy=email.policy.default)
        self.server.sinks.mails.append(parser.parsebytes(b"".join(lines)))

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class Alertmanager:
    """One running Alertmanager: what is posted to it, and what it says of it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.url = program.url

    def fire(self, *alerts: Labels, ended: bool = False, at_once: int = 64, **annotations: str) -> None:
        """Send alerts as Prometheus does, at most 64 at once. `ended`: that they are no more."""
        # Whenever the test runs: an end in the past is what tells that it has ended.
        times = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-02T00:00:00Z"} if ended else {}
        for first in range(0, len(alerts), at_once):
            body = [
                {
                    "labels": labels,
                    "annotations": {key: text.format(**labels) for key, text in annotations.items()},
                    **times,
                }
                for labels in alerts[first : first + at_once]
            ]
            answer = ask(f"{self.url}/api/v2/alerts", method="POST", body=body)
            assert answer.status == 200, answer.body.decode()

    def muted(self, why: str = "inhibitedBy") -> list[Labels]:
        """Return the labels of the alerts that are muted now. `why`: `inhibitedBy` or `silencedBy`."""
        return [alert["labels"] for alert in self.alerts() if alert["status"][why]]

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that it knows, with its status."""
        answer = ask(f"{self.url}/api/v2/alerts")
        assert answer.status == 200, answer.body.decode()
        found: list[dict[str, Any]] = answer.json()
        return found


def start(
    stack: Stack,
    program: Path,
    sinks: Sinks,
    *,
    group_wait: str,
    group_interval: str,
    repeat_interval: str,
    webhooks_only: bool = True,
) -> Alertmanager:
    """Start it with these times in every route, and wait until it is ready. Started again, it goes on where it was."""
    webhook = f"{sinks.url}/people"
    receivers = Receivers(
        people=Ways(webhook_url=webhook)
        if webhooks_only
        else Ways(email_to="shift@example.com", telegram_chat_id=-100, webhook_url=webhook),
        pager=Ways(webhook_url=f"{sinks.url}/pager"),
        mail=MailServer(smarthost=sinks.smarthost, sender="hashyard@example.com", require_tls=False),
        telegram_token=TOKEN,
        dead_mans_switch_url=f"{sinks.url}/dead-mans-switch",
        controller_url="https://farm.example.com",
        grafana_url="https://grafana.example.com",
    )
    config = yaml.safe_load(rendered(CONFIG.read_text(encoding="utf-8"), receivers, templates=MESSAGES))
    config["global"]["telegram_api_url"] = sinks.url
    times = {"group_wait": group_wait, "group_interval": group_interval, "repeat_interval": repeat_interval}
    for route in _routes(config["route"]):
        route.update({name: text for name, text in times.items() if name in route})
    path = stack.folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    where = f"127.{stack.network}.255.4:9093"
    found = stack.start_program(
        "alertmanager",
        [
            str(program),
            f"--config.file={path}",
            f"--storage.path={stack.folder / 'alertmanager'}",
            f"--web.listen-address={where}",
            "--cluster.listen-address=",
        ],
        where,
    )
    found.wait_ready("/-/ready")
    return Alertmanager(found)


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for child in route.get("routes", []):
        yield from _routes(child)
