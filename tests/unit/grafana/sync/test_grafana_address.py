"""What may stand at --grafana-api in place of Grafana, or before it: each ends in a sentence that says what to do."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grafana.sync.bringing import bring_in_line
from grafana.sync.wish import Access, Client, Outcome, Person, Wish
from tests.unit.controller.test_serving import certificate
from tests.unit.grafana.sync import grafana_stand_in as stand_in

WISH = Wish(
    datetime(2026, 11, 22, 12, tzinfo=UTC),
    "http://127.0.0.1:9/gateway",
    [Person("usr_01ARZ3NDEKTSV4RRFFQ69G5FAA", "Anna", "anna@example.org", "administrator")],
    [],
)


class NoDesk:
    def make(self, client_id: str) -> tuple[str, str]:
        raise AssertionError(client_id)

    def revoke(self, client_id: str, token_id: str) -> None:
        raise AssertionError((client_id, token_id))


def bring(url: str, password: str = stand_in.PASSWORD, wish: Wish = WISH) -> Outcome:
    return bring_in_line(Access(url, "admin", password), wish, NoDesk())


@contextmanager
def answering(status: int, payload: bytes, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Serve one answer to everything; yield the address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "payload", "kind"),
    [
        (200, b"<html>Welcome</html>", "text/html"),
        (200, b"<html>Welcome</html>", "application/json"),
        (200, b'{"id": 1}', "application/json"),
        (200, b"[" * 100_000, "application/json"),
        (204, b"", "application/json"),
        (404, b"404 page not found", "text/plain"),
        (400, b"Client sent an HTTP request to an HTTPS server.", "text/plain"),
        (500, b"<h1>Oops</h1>", "text/html"),
        (403, b"<h1>Forbidden</h1>", "text/html"),
    ],
)
def test_another_program_is_said_to_be_another(status: int, payload: bytes, kind: str) -> None:
    with answering(status, payload, Content_Type=kind) as (url, _):
        said = bring(url).away
    assert f"what answers at {url} is not Grafana's API" in said
    assert "<" not in said


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_that_does_not_reach_grafana_is_told_from_another_program(status: int) -> None:
    with answering(status, b"<h1>Bad Gateway</h1>", Content_Type="text/html") as (url, _):
        assert bring(url).away == f"Grafana does not answer behind {url}: the proxy there says {status}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_is_sent_after_a_redirect(status: int) -> None:
    with answering(200, b"{}") as (other, asked), answering(status, b"", Location=other) as (url, _):
        said = bring(url).away
    assert "leads to another address" in said
    assert asked == []


def test_a_certificate_that_nobody_vouches_for_is_said_and_one_of_the_machine_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with stand_in.serving(context) as grafana:
        named = grafana.url.replace("127.0.0.1", "localhost")
        assert "its certificate is not one that this machine trusts for that name" in bring(named).away
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert bring(named).in_line
        assert "for that name" in bring(grafana.url).away, "it is for localhost, and not for an address"


def test_a_grafana_without_tls_is_not_called_one_with_a_bad_certificate() -> None:
    with stand_in.serving() as grafana:
        said = bring(grafana.url.replace("http:", "https:")).away
    assert "it does not speak TLS" in said


def test_a_password_of_any_letters_is_taken_and_a_wrong_one_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stand_in, "PASSWORD", "пароль ключ 鍵")
    with stand_in.serving() as grafana:
        refused = bring(grafana.url, "wrong ключ")
        assert "does not let admin in" in refused.away
        assert refused.shut_out
        assert bring(grafana.url, "пароль ключ 鍵").in_line


def test_once_it_lets_nobody_in_any_more_the_rest_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grafana locks an account after five wrong passwords: the password was changed half way."""
    clients = [
        Client(f"cli_01ARZ3NDEKTSV4RRFFQ69G5FA{number}", f"c{number}", f"C{number}") for number in range(5)
    ]
    with stand_in.serving() as grafana:
        grafana.broken = lambda method, _path: 401 if method != "GET" else None
        outcome = bring(grafana.url, wish=Wish(WISH.now, WISH.gateway, (), clients))
        assert len(grafana.changes) == 1
    assert outcome.shut_out
    assert outcome.away == ""
    assert [line.partition(":")[0] for line in outcome.failed].count("not tried") == 4
