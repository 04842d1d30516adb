"""What the simulator refuses, in one exception: the command line prints its lines and exits with 2."""

from collections.abc import Sequence


class SimulatorError(Exception):
    """The fleet as asked for cannot be simulated. `mistakes`: one line each, naming container, miner and remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))
