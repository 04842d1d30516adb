"""The gateway beside prom-label-proxy, where that is on PATH: what both pass on is the same, but for where the other leaks.

It does not look into the parameters of aggregations, which the gateway refuses, and takes a matcher that names a client away
where the gateway leaves it beside its own: such queries are not compared.
"""

import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from controller.gateway.promql import DENIED, Refused, confined
from controller.gateway.syntax import Matcher, Node, read, walk
from tests.unit.controller.gateway.grown_queries import queries
from tests.unit.controller.gateway.test_gateway_queries import OF_PROM_LABEL_PROXY, WRITTEN

PROXY = shutil.which("prom-label-proxy")
pytestmark = pytest.mark.skipif(PROXY is None, reason="there is no prom-label-proxy on PATH")

HIDDEN = Matcher("__name__", "!~", DENIED)


class Behind:
    """A server behind the proxy, which writes down the query that reaches it, and the way to the proxy."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        behind = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                behind.reached += urllib.parse.parse_qs(form)["query"]
                body = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.proxy_port = free_port()

    def proxied(self, query: str) -> str | None:
        """Return what the proxy makes of a query; None where it refuses it."""
        self.reached.clear()
        form = urllib.parse.urlencode({"query": query}).encode()
        url = f"http://127.0.0.1:{self.proxy_port}/api/v1/query?client=acme"
        try:
            with urllib.request.urlopen(url, form, timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError:
            return None
        return self.reached[-1]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    assert PROXY is not None
    found = Behind()
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    process = subprocess.Popen(
        [
            PROXY,
            f"-insecure-listen-address=127.0.0.1:{found.proxy_port}",
            f"-upstream=http://127.0.0.1:{found.port}",
            "-label=client",
            "-query-param=client",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", found.proxy_port)) == 0:
                    break
            time.sleep(0.05)
        yield found
    finally:
        process.terminate()
        process.wait(10)
        found.server.shutdown()
        found.server.server_close()


def in_order(node: Node) -> Node:
    """Return a tree with the conditions of each selector in one order, without what the gateway hides besides."""
    kept = {one for one in node.matchers if one != HIDDEN}
    # PromQL's own way of writing a name and of a number's sign is one of several.
    ordered = tuple(sorted(kept, key=lambda one: (one.name, one.operator, one.value)))
    return Node(node.kind, node.own, tuple(in_order(part) for part in node.parts), ordered)


def compare(query: str, behind: Behind) -> str:
    """Say what came of a query: refused by one of the two, not to be compared, or the same."""
    try:
        ours = read(confined(query, "acme"))
    except Refused:
        return "refused here"
    if any(one.name == "client" for node in walk(read(query)) for one in node.matchers):
        return "the proxy replaces"
    theirs = behind.proxied(query)
    if theirs is None:
        return "refused there"
    assert in_order(ours) == in_order(read(theirs)), f"{query}\n{theirs}"
    return "same"


def test_what_it_is_known_to_make_of_queries_is_what_it_makes(behind: Behind) -> None:
    for asked in OF_PROM_LABEL_PROXY:
        assert compare(asked, behind) == "same", asked


def test_both_make_the_same_of_what_the_gateway_passes(behind: Behind) -> None:
    outcomes = [compare(asked, behind) for asked in WRITTEN]
    assert outcomes.count("same") > len(WRITTEN) / 2, outcomes


def test_both_make_the_same_of_grown_queries(behind: Behind) -> None:
    outcomes: list[str] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), database=None, deadline=None)
    @given(queries())
    def grow(query: str) -> None:
        outcomes.append(compare(query, behind))

    grow()
    assert outcomes.count("same") > 30, outcomes
