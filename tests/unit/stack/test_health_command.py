"""`hashyard healthcheck`: 0 for what answers 200, else 1 and a line that says why; no proxy is asked."""

import http.server
import threading
from collections.abc import Iterator

import pytest

import hashyard


class _Part(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 200 if self.path == "/-/ready" else 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"not ready:\nthe first sweep is under way\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class says so
        """Say nothing."""


@pytest.fixture
def part() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Part) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_answers_is_healthy(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert hashyard.main(["healthcheck", f"{part}/-/ready"]) == 0


def test_what_is_not_ready_says_why(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hashyard.main(["healthcheck", f"{part}/-/other"]) == 1
    assert capsys.readouterr().err == f"{part}/-/other answers 503: not ready: the first sweep is under way\n"


def test_who_is_away_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert hashyard.main(["healthcheck", "http://127.0.0.1:1/-/ready"]) == 1
    assert "does not answer: Connection refused" in capsys.readouterr().err


def test_a_name_that_no_host_has_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert hashyard.main(["healthcheck", f"http://{'a' * 64}.test/"]) == 1
    assert "does not answer: " in capsys.readouterr().err


def test_a_password_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert hashyard.main(["healthcheck", "http://admin:swordfish@127.0.0.1:1/"]) == 2
    assert "swordfish" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:9428", "https://a", "http://", "http://a:99999999/", "http://127.0.0.1:1/ä", "http://ä/"],
)
def test_no_address_is_said_so(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hashyard.main(["healthcheck", url]) == 2
    assert "is no address such as" in capsys.readouterr().err
