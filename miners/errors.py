"""Hashyard's tree of errors. Foreign errors are translated into these at the edge where they arise.

HashyardError
├── ConfigurationError        wrong flags, files or variables: the program exits with 2
│   └── InventoryError        targets.yml: every mistake, with line and path
└── PollError                 a miner could not be read: carries the reason and detail of a PollFailure
    ├── Refused               nothing listens on the port
    ├── Unreachable           no route, host down, name not found
    ├── TimedOut              no whole answer in time
    ├── AuthFailed            the miner wants a password, or another one
    ├── Malformed             what came is no reply of a miner, even after repair
    │   └── NoAnswer          nothing came: the miner closed the connection without a word
    └── Unsupported           it answers, but no driver knows it, or it does not know the question
"""

from collections.abc import Sequence
from typing import ClassVar

from miners.model import FailureReason


class HashyardError(Exception):
    """Any error of ours. Its text is one line for a person and says what to do next."""


class ConfigurationError(HashyardError):
    """What the person who started the program has to mend: flags, files, variables. Exit code 2."""


class InventoryError(ConfigurationError):
    """Every mistake found in the inventory, in the order of its lines."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """`mistakes`: one line each, `file:line: path: what is wrong and what would be right`."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class PollError(HashyardError):
    """A miner could not be read. `reason` is the reason of the PollFailure that comes of it.

    `asked`: whether the question had left when it went wrong; a command that had may have been obeyed.
    """

    reason: ClassVar[FailureReason] = "malformed"
    asked: bool = False


class Refused(PollError):
    """The address answers, the port does not."""

    reason = "refused"


class Unreachable(PollError):
    """No route to the address, or the name is not known."""

    reason = "unreachable"


class TimedOut(PollError):
    """No connection, or no whole answer, within the time that the poll has."""

    reason = "timeout"


class AuthFailed(PollError):
    """The miner asks for a password that was not given, or refuses the one that was."""

    reason = "auth"


class Malformed(PollError):
    """The bytes that came are not a reply of a miner, or one too large or too deep to be one."""

    reason = "malformed"


class NoAnswer(Malformed):
    """The miner took the question and closed the connection without a word. Some do so while they obey."""


class Unsupported(PollError):
    """The miner answers that it does not know the question, or no driver fits what it is."""

    reason = "unsupported"
