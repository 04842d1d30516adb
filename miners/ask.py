"""The Link over real sockets: questions become bytes, bytes become documents, within one deadline a poll.

Also what every cgminer-style driver needs on top of single questions: a joined question where the firmware joins,
falling back to single ones and remembering what this miner does not answer.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from miners.driver import Memory
from miners.errors import Malformed, PollError, TimedOut, Unsupported
from miners.link import Link, Object
from miners.model import Target
from miners.repair import Document, parse_reply
from miners.transport.frames import ask_frame
from miners.transport.rpc import ask_bytes
from miners.transport.web import WebClient, WebPort, shared_client

MAX_REQUEST_BYTES: Final = 4095
"""cgminer's buffer for a request (protocols.md, 1)."""
INLINE_BYTES: Final = 16 << 10
"""A longer reply is parsed in a thread: were it broken on purpose, the event loop would stand still for it."""
REFUSED_FOR_S: Final = 3600.0
"""How long a command that the firmware does not know, or does not allow, is not asked again."""
JOIN_STRIKES: Final = 3
"""So many joined questions in a row have to fail without a clear answer until the firmware counts as not joining."""

# 14 invalid command, 45 access denied, 23 invalid JSON, 24 no command (protocols.md, 1).
_NOT_ANSWERED: Final = {14, 45, 23, 24}
_REFUSED_NOTE: Final = "refused"
_JOIN_NOTE: Final = "join_strikes"
_HUNG_NOTE: Final = "join_hung"


class TcpLink:
    """One miner's ports during one poll (see Link).

    `now`: unix seconds; `deadline`: time of the running loop by which the poll has to be over. `record` collects
    (question, bytes of the reply). `web`: whose connections to use for HTTP, the process's shared ones if None.
    `shut_out`: the web port has refused these credentials before; it is not asked.
    """

    def __init__(
        self,
        target: Target,
        *,
        now: float,
        deadline: float,
        record: list[tuple[str, bytes]] | None = None,
        web: WebClient | None = None,
        shut_out: bool = False,
    ) -> None:
        self.target = target
        self.now = now
        self.truncated = False
        self._deadline = deadline
        self._record = record
        self._web_client = web
        self._web_port: WebPort | None = None
        self._shut_out = shut_out

    @property
    def refused(self) -> bool:
        """Whether the web port has refused the credentials in this poll."""
        return self._web_port is not None and self._web_port.refused and not self._shut_out

    async def ask(self, command: str, parameter: str | None = None, **more: object) -> Object:
        """Ask one command; return the reply, whatever its STATUS says (see Link)."""
        port = self._port("port", self.target.port, command)
        if parameter is None and not more:
            request = _plain_request(command)
        else:
            given = {} if parameter is None else {"parameter": parameter}
            request = request_bytes({"command": command, **given, **more})
        raw, cut = await ask_bytes(
            self.target.address,
            port,
            request,
            connect_timeout_s=self.target.connect_timeout_s,
            deadline=self._deadline,
        )
        question = command if parameter is None else f"{command} {parameter}"
        return self._object(await self._parse(question, port, raw, cut), question, port)

    async def ask_joined(self, commands: Sequence[str]) -> dict[str, Object]:
        """Ask several commands at once; return the sections that came and did not fail (see Link)."""
        reply = await self.ask("+".join(commands))
        found = {
            command: section for command in commands if (section := _section(reply.get(command))) is not None
        }
        if found:
            return {command: section for command, section in found.items() if not failed(section)}
        # Some firmwares read up to the `+` and answer that.
        if not failed(reply) and any(
            isinstance(value, list | dict) and key != "STATUS" for key, value in reply.items()
        ):
            return {commands[0]: reply}
        raise Unsupported(
            f"{self.target.address}:{self.target.port} does not join commands (code {status_code(reply)})"
        )

    async def frame(self, command: str, parameter: object = None) -> Object:
        """Ask one Whatsminer v3 command; return the reply, whatever its code (see Link)."""
        port = self._port("v3_port", self.target.v3_port, command)
        request: Object = {"cmd": command}
        if parameter is not None:
            request["param"] = parameter
        raw, cut = await ask_frame(
            self.target.address,
            port,
            request_bytes(request),
            connect_timeout_s=self.target.connect_timeout_s,
            deadline=self._deadline,
        )
        question = command if parameter is None else f"{command} {parameter}"
        return self._object(await self._parse(question, port, raw, cut), question, port)

    async def web(self, path: str) -> Object | list[Any]:
        """GET a path; return its JSON document (see Link)."""
        port = self._port("web_port", self.target.web_port, path)
        if self._web_port is None:
            client = self._web_client or shared_client()
            self._web_port = WebPort(
                client, self.target.address, port, self.target.credentials, refused=self._shut_out
            )
        raw, cut = await self._web_port.get(
            path, connect_timeout_s=self.target.connect_timeout_s, deadline=self._deadline
        )
        return await self._parse(path, port, raw, cut)

    def _port(self, name: str, port: int | None, question: str) -> int:
        if port is None:
            raise Unsupported(f"{self.target.address}: {question} was not asked: {name} is not given")
        if asyncio.get_running_loop().time() >= self._deadline:
            raise TimedOut(
                f"{self.target.address}:{port}: no time was left in the poll to ask {question}: "
                "the miner answers slowly; a longer time-out may help"
            )
        return port

    async def _parse(self, question: str, port: int, raw: bytes, cut: bool) -> Document:
        if self._record is not None:
            self._record.append((question, raw))
        try:
            if len(raw) > INLINE_BYTES:
                document, truncated = await asyncio.to_thread(parse_reply, raw)
            else:
                document, truncated = parse_reply(raw)
        except Malformed as error:
            place = f"{self.target.address}:{port}"
            if cut:
                raise TimedOut(
                    f"{place} had not finished answering {question} in time: is the miner overloaded?"
                ) from error
            raise Malformed(f"{place} answers {question} with what is no reply: {error}") from error
        if truncated:
            self.truncated = True
        return document

    def _object(self, document: Document, question: str, port: int) -> Object:
        if isinstance(document, dict):
            return document
        raise Malformed(
            f"{self.target.address}:{port} answers {question} with a list where an object belongs: "
            "is it the API of a miner?"
        )


async def ask_all(link: Link, memory: Memory, commands: Sequence[str]) -> dict[str, Object]:
    """Ask several commands in as few connections as this firmware allows; return the replies that did not fail.

    What the firmware does not know is not asked again for REFUSED_FOR_S; whether it joins is remembered in
    `memory.no_join`. If some replies came and others did not, the poll is marked as truncated and goes on with what
    is there. Raises a PollError, the first met, only if nothing came.
    """
    refused: dict[str, float] = memory.notes.setdefault(_REFUSED_NOTE, {})
    wanted = [command for command in commands if refused.get(command, 0.0) <= link.now]
    replies: dict[str, Object] = {}
    denied: list[str] = []
    first_error: PollError | None = None
    strikes = memory.notes.get(_JOIN_NOTE, 0)
    if memory.notes.pop(_HUNG_NOTE, False):
        # A firmware may hang on a join, or the miner hung: single questions, if answered, tell which.
        strikes += 1
    elif not memory.no_join and len(wanted) > 1:
        try:
            replies = await link.ask_joined(wanted)
            strikes = 0
        except TimedOut:
            memory.notes[_HUNG_NOTE] = True
            raise
        except (Unsupported, Malformed) as error:
            first_error = error if isinstance(error, Malformed) else None
            # Code 14 says so; others hang up or answer nonsense, but so does a bad line: that has to come again.
            strikes += 1 if isinstance(error, Malformed) or link.truncated else JOIN_STRIKES
    for command in wanted:
        if command in replies:
            continue
        try:
            reply = await link.ask(command)
        except (Malformed, Unsupported) as error:
            first_error = first_error or error
            link.truncated = True
            continue
        except PollError:
            if not replies:
                raise
            link.truncated = True
            break
        if not failed(reply):
            replies[command] = reply
        elif status_code(reply) in _NOT_ANSWERED:
            denied.append(command)
    if replies:
        # A miner that denies everything is asked everything again: its access list may be mended any minute.
        refused.update(dict.fromkeys(denied, link.now + REFUSED_FOR_S))
        memory.no_join = memory.no_join or strikes >= JOIN_STRIKES
        memory.notes[_JOIN_NOTE] = strikes
        return replies
    raise first_error or Unsupported(
        f"{link.target.address}:{link.target.port} answers none of {', '.join(commands)}: "
        "does its API allow reading from this host?"
    )


def leave_out(memory: Memory, commands: Sequence[str], now: float) -> None:
    """Have `ask_all` leave these commands out for REFUSED_FOR_S. `now`: unix seconds."""
    refused: dict[str, float] = memory.notes.setdefault(_REFUSED_NOTE, {})
    refused.update(dict.fromkeys(commands, now + REFUSED_FOR_S))


def is_left_out(memory: Memory, command: str, now: float) -> bool:
    """Return whether the miner has refused a command, or hung on it, so lately that it is not asked."""
    refused: dict[str, float] = memory.notes.get(_REFUSED_NOTE, {})
    return refused.get(command, 0.0) > now


def failed(reply: Object) -> bool:
    """Return whether a reply's STATUS says error or fatal. Whatsminer writes it as a text, cgminer as a list of one."""
    return _status(reply).get("STATUS") in ("E", "F")


def status_code(reply: Object) -> int | None:
    """Return the Code of a reply's STATUS, or None if it has none."""
    code = _status(reply).get("Code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 10:
        return int(code)
    return code if isinstance(code, int) else None


def _status(reply: Object) -> Object:
    status = reply.get("STATUS")
    return reply if isinstance(status, str) else _section(status) or {}


def _section(value: object) -> Object | None:
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, dict) else None


@lru_cache(maxsize=256)
def _plain_request(command: str) -> bytes:
    return request_bytes({"command": command})


def request_bytes(request: Object) -> bytes:
    """Return the bytes of a question. Raises Unsupported for one longer than miners read."""
    raw = orjson.dumps(request)
    if len(raw) > MAX_REQUEST_BYTES:
        raise Unsupported(
            f"a question of {len(raw)} bytes is longer than the {MAX_REQUEST_BYTES} that miners read"
        )
    return raw
