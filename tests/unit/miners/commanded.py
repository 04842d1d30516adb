"""Small miners that take orders in tests: what a real one would hardly answer, over real sockets. The simulator does the rest."""

from collections.abc import Callable
from typing import Any

import orjson

from miners.hand import TcpHand
from miners.model import Credentials, Target
from tests.replay.server import ReplayServer

NOW = 1_790_000_000.0
PASSWORD = "planted-4711-secret"

Answer = bytes | dict[str, Any]


def always(answer: Answer) -> Callable[[Any], Answer]:
    """Decide for the same answer, whatever is asked."""
    return lambda _asked: answer


class CommandedMiner(ReplayServer):
    """One port whose every answer is made by `decide` of the request object; `b""` hangs up without a word.

    `requests`: what came, in its order.
    """

    def __init__(self, decide: Callable[[dict[str, Any]], Answer], *, v3: bool = False) -> None:
        super().__init__({}, v3=v3, nul=False)
        self._decide = decide
        self.requests: list[dict[str, Any]] = []

    def answer(self, request: dict[str, Any]) -> bytes:
        self.requests.append(request)
        made = self._decide(request)
        return made if isinstance(made, bytes) else orjson.dumps(made)

    def hand(self, *, now: float = NOW, credentials: Credentials | None = None) -> TcpHand:
        """A Hand for this miner alone, with the planted password unless another is given."""
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=None if self.v3 else self.port,
            web_port=None,
            v3_port=self.port if self.v3 else None,
            credentials=credentials or Credentials("admin", PASSWORD),
            connect_timeout_s=2.0,
            timeout_s=3.0,
        )
        return TcpHand(target, now=now)
