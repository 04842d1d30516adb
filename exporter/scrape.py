"""Pages of metrics: rows joined in pieces, compressed piece by piece when asked.

A page can be tens of megabytes, so it is never built whole: pieces of some hundred kilobytes go out one after the
other, and the event loop has its turn between them. All of a page is of the moment at which it began.
"""

from collections.abc import Iterator, Sequence

from isal import isal_zlib

from exporter.fleet import ContainerState
from exporter.metrics import CONTAINER, MINER, Metric
from exporter.render import Row

ROWS_A_PIECE = 256
"""Rows that are joined at once."""

_PIECE_BYTES = 128 * 1024
_GZIP_LEVEL = 1
_GZIP_WINDOW = 16 + 15  # a gzip header, and the widest window

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HEADERS = {
    openmetrics: {metric: metric.header(openmetrics=openmetrics) for metric in (*CONTAINER, *MINER)}
    for openmetrics in (False, True)
}

END_OF_OPENMETRICS = b"# EOF\n"


def content_type(*, openmetrics: bool) -> str:
    """Return the content type of a page."""
    return _OPENMETRICS if openmetrics else _TEXT


def fleet_pieces(containers: Sequence[ContainerState], now: float, *, openmetrics: bool) -> Iterator[bytes]:
    """Return the series of containers in pieces. The rows are taken at the call; `now`: unix seconds."""
    container_rows = [state.current_row(now) for state in containers]
    miner_rows = [miner.row for state in containers for miner in state.miners.values()]
    return _gathered(_table_pieces(container_rows, miner_rows, _HEADERS[openmetrics]))


def _table_pieces(
    container_rows: list[Row], miner_rows: list[Row], headers: dict[Metric, bytes]
) -> Iterator[bytes]:
    for metrics, rows in ((CONTAINER, container_rows), (MINER, miner_rows)):
        for metric, column in zip(metrics, zip(*rows, strict=True), strict=bool(rows)):
            header = headers[metric]
            for start in range(0, len(column), ROWS_A_PIECE):
                piece = b"".join(column[start : start + ROWS_A_PIECE])
                if piece:
                    if header:
                        yield header
                        header = b""
                    yield piece


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces: each that goes out costs a system call and a turn of the event loop."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Compress pieces; one that goes in may give nothing yet, and that is left out."""
    compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
    for piece in pieces:
        if compressed := compressor.compress(piece):
            yield compressed
    yield compressor.flush()


def wants_openmetrics(accept: str) -> bool:
    """Return whether an Accept header prefers OpenMetrics 1.0 to the text format, by the weights it gives."""
    best = {"text": 0.0, "openmetrics": 0.0}
    for offer in accept.split(","):
        name, _, rest = offer.strip().partition(";")
        parameters = dict(_parameter(part) for part in rest.split(";") if "=" in part)
        weight = _weight(parameters.get("q", "1"))
        kind = _kind(name.strip().lower(), parameters.get("version"))
        if kind is not None and weight > best[kind]:
            best[kind] = weight
    return best["openmetrics"] > 0.0 and best["openmetrics"] >= best["text"]


def wants_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header takes gzip."""
    for offer in accept_encoding.split(","):
        name, _, rest = offer.strip().partition(";")
        if name.strip().lower() in ("gzip", "*"):
            parameters = dict(_parameter(part) for part in rest.split(";") if "=" in part)
            return _weight(parameters.get("q", "1")) > 0.0
    return False


def _kind(name: str, version: str | None) -> str | None:
    if name == "application/openmetrics-text":
        return "openmetrics" if version in (None, "1.0.0") else None
    return "text" if name in ("text/plain", "text/*", "*/*") else None


def _parameter(part: str) -> tuple[str, str]:
    key, _, value = part.partition("=")
    return key.strip().lower(), value.strip().strip('"')


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
