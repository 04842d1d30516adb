"""What the miners of a container did in an hour of a day that is still open: one compressed document an hour.

When the day is complete, its documents are added up into rows by miner, and leave. Numbers stand for miners, terms and
algorithms, as in the tables (controller/storage/books_schema.py).
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from controller.accounting.apportioning import divided
from controller.storage.books_schema import SUMS

COUNTED = SUMS[:-1]
"""All that adds up but hashes, which are apart by algorithm."""
NO_ALGORITHM = 0

DayKey: TypeAlias = tuple[int, int, int]
"""Numbers of miner, terms and algorithm."""


class OpenMiner(msgspec.Struct, array_like=True, gc=False):
    """A miner's part of a piece. `counted`: in the order of COUNTED; `megahashes`: by number of the algorithm. `refused`: hours."""

    miner: int
    counted: list[int]
    megahashes: dict[int, int]
    refused: int


class OpenPiece(msgspec.Struct, array_like=True):
    """A part of an hour on the same terms: seconds since 1970, and the miners there were."""

    begins: int
    ends: int
    terms: int
    miners: list[OpenMiner]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[OpenPiece])


def packed(pieces: Sequence[OpenPiece]) -> bytes:
    """Return the document of an hour."""
    return zlib.compress(_ENCODER.encode(pieces), 6)


def unpacked(document: bytes) -> list[OpenPiece]:
    """Return what a document holds. Raises ValueError where it is damaged."""
    try:
        return _DECODER.decode(zlib.decompress(document))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"an open hour of the ledger cannot be read: {error}") from None


def main_algorithm(megahashes: dict[int, int]) -> int:
    """Return the algorithm of which the most was done, the one that energy is counted with."""
    return max(megahashes, key=lambda number: (megahashes[number], -number), default=NO_ALGORITHM)


class DaySums:
    """Sums by miner, terms and algorithm: rows of a day as they grow."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._together: dict[tuple[int, int], tuple[list[int], dict[int, int]]] = {}

    def add(self, pieces: Iterable[OpenPiece]) -> None:
        """Add the pieces of an hour."""
        for piece in pieces:
            for miner in piece.miners:
                self.add_miner(piece.terms, miner)

    def add_miner(self, terms: int, miner: OpenMiner) -> None:
        """Add what one miner did on some terms."""
        counted, hashes = self._together.setdefault((miner.miner, terms), ([0] * (len(COUNTED) + 1), {}))
        for at, figure in enumerate(miner.counted):
            counted[at] += figure
        counted[-1] += miner.refused
        for algorithm, number in miner.megahashes.items():
            hashes[algorithm] = hashes.get(algorithm, 0) + number

    def finished(self) -> dict[DayKey, list[int]]:
        """Return the rows, in the order of SUMS with the refused hours at the end: seconds and energy stand with the algorithm of which the most was done."""
        rows: dict[DayKey, list[int]] = {}
        for (miner, terms), (counted, hashes) in self._together.items():
            chief = main_algorithm(hashes)
            rows[miner, terms, chief] = [*counted[:-1], hashes.get(chief, 0), counted[-1]]
            for algorithm, number in hashes.items():
                if algorithm != chief:
                    rows[miner, terms, algorithm] = [*[0] * len(COUNTED), number, 0]
        return rows


def cut(piece: OpenPiece, spans: Sequence[tuple[int, int, int]]) -> list[OpenPiece]:
    """Return a piece on other terms: (begins, ends, terms) which together are the piece's time, each cut by its seconds."""
    seconds = [ends - begins for begins, ends, _ in spans]
    parts = [OpenPiece(begins, ends, terms, []) for begins, ends, terms in spans]
    for miner in piece.miners:
        counted = [divided(figure, seconds) for figure in miner.counted]
        hashes = {algorithm: divided(number, seconds) for algorithm, number in miner.megahashes.items()}
        for at, part in enumerate(parts):
            done = {algorithm: numbers[at] for algorithm, numbers in hashes.items() if numbers[at]}
            part.miners.append(
                OpenMiner(miner.miner, [figure[at] for figure in counted], done, 0 if at else miner.refused)
            )
    return parts
