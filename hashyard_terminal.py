"""What a person sees in a terminal: a reading as a table, a scan's findings, raw replies without secrets, logs."""

import re
import sys
from datetime import UTC, datetime
from io import TextIOWrapper

import structlog
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from miners.model import PollFailure, Reading, Snapshot

_HASH_UNITS = ((1e18, "EH/s"), (1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (1e3, "kH/s"))

# Keys whose values are nobody's business in a bug report: passwords, tokens, and whose work it is.
_SECRET = re.compile(
    # Also where a cut reply ends before the closing quote.
    r'("(?:pass|password|passwd|pwd|token|salt|newsalt|user|account|worker)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?\Z)',
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r'(?<=//)[^/@"\s]*@')


def configure_output() -> None:
    """Let what a terminal cannot show appear as escapes: a name in another script must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_document(text: str) -> None:
    """Print JSON or YAML, whose readers expect UTF-8 whatever the terminal shows."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stdout.write(text)


def configure_logs() -> None:
    """Write logs to stderr, a line each, errors of ours with a plain traceback.

    Tracebacks that show the values of variables are left out on purpose: those may be passwords.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever it is when a line is written
        cache_logger_on_first_use=False,
    )


def console(*, stderr: bool = False) -> Console:
    """Return where to print for people. Into a file or another program lines are as long as they want to be."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, emoji=False, width=None if terminal else 240)


def hash_rate(value: float | None) -> str:
    """Return a hash rate in three to four figures with its unit; a dash for not reported."""
    if value is None:
        return "–"
    for factor, unit in _HASH_UNITS:
        if value >= factor:
            return f"{value / factor:.2f} {unit}"
    return f"{value:.0f} H/s"


def failure_line(failure: PollFailure) -> str:
    """Return the one line that says why a miner could not be read; the detail says what to do."""
    detail = " ".join(failure.detail.split())
    return detail if detail.startswith(failure.address) else f"{failure.address}: {detail}"


def redacted(reply: bytes) -> str:
    """Return a reply as text, with passwords, tokens and pool users taken out and control characters made visible."""
    text = _SECRET.sub(r'\1"<hidden>"', reply.decode("utf-8", "backslashreplace"))
    text = _IN_ADDRESS.sub("<hidden>@", text)
    return "".join(character if character.isprintable() or character == "\n" else "·" for character in text)


def print_reading(console: Console, snapshot: Snapshot) -> None:
    """Print one miner: who it is, how it does, its boards, fans and pools."""
    identity, temperatures = snapshot.identity, snapshot.temperatures_c
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column()

    def row(name: str, value: str | None) -> None:
        if value not in (None, ""):
            facts.add_row(name, escape(str(value)))

    row("miner", _make(snapshot))
    row("firmware", " ".join(filter(None, (identity.firmware, identity.firmware_version))))
    row("serial, MAC, host", ", ".join(filter(None, (identity.serial, identity.mac, identity.hostname))))
    row(
        "state",
        snapshot.state + (" (the reply was cut: what is missing is not known)" if snapshot.truncated else ""),
    )
    row("up, mining for", f"{_duration(snapshot.uptime_s)}, {_duration(snapshot.mining_s)}")
    rate = f"{hash_rate(snapshot.hashrate_hs)} now, {hash_rate(snapshot.hashrate_average_hs)} average"
    row(
        "hash rate",
        f"{rate}, {hash_rate(snapshot.nominal_hashrate_hs)} nominal{_mark(snapshot, 'nominal_hashrate_hs')}",
    )
    row("power", _power(snapshot))
    row("mode, profile", ", ".join(filter(None, (snapshot.power_mode, snapshot.profile))))
    named = {
        "inlet": temperatures.inlet,
        "outlet": temperatures.outlet,
        "boards up to": temperatures.board_max,
        "chips up to": temperatures.chip_max,
        "chips mean": temperatures.chip_avg,
        "power supply": temperatures.psu,
    }
    row(
        "temperatures",
        ", ".join(f"{name} {value:.0f} °C" for name, value in named.items() if value is not None),
    )
    row("fans", ", ".join(f"{fan.index}: {fan.speed_rpm:.0f} rpm" for fan in snapshot.fans))
    shares = snapshot.shares
    row(
        "shares",
        f"{_whole(shares.accepted)} accepted, {_whole(shares.rejected)} rejected, {_whole(shares.stale)} stale",
    )
    row("hardware errors", _whole(snapshot.hardware_errors))
    for fault in snapshot.faults:
        row("fault", f"{fault.code}  {fault.text or ''}")
    row("read by", f"{snapshot.driver} in {snapshot.duration_s * 1000:.0f} ms")
    console.print(facts)
    if snapshot.boards:
        console.print(_boards(snapshot))
    if snapshot.pools:
        console.print(_pools(snapshot))


def _boards(snapshot: Snapshot) -> Table:
    expected = snapshot.expected_boards
    title = f"boards: {len(snapshot.boards)}" + (f" of {expected}" if expected is not None else "")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in (
        "board",
        "hash rate",
        "nominal",
        "chips",
        "expected",
        "in °C",
        "out °C",
        "board °C",
        "chip °C",
        "MHz",
        "errors",
    ):
        table.add_column(name, justify="right")
    for board in snapshot.boards:
        table.add_row(
            str(board.index),
            hash_rate(board.hashrate_hs),
            hash_rate(board.nominal_hashrate_hs),
            _whole(board.chips),
            _whole(board.expected_chips),
            *(_whole(value) for value in (board.inlet_c, board.outlet_c, board.board_c, board.chip_max_c)),
            _whole(None if board.frequency_hz is None else board.frequency_hz / 1e6),
            _whole(board.hardware_errors),
        )
    return table


def _pools(snapshot: Snapshot) -> Table:
    table = Table(title="pools", title_justify="left", box=None, pad_edge=False)
    for name in ("pool", "alive", "active", "accepted", "rejected", "stale", "last share"):
        table.add_column(name, justify="right")
    table.add_column("address")
    table.add_column("user")
    now = datetime.now(UTC)
    for pool in snapshot.pools:
        last = None if pool.last_share_at is None else max(0.0, (now - pool.last_share_at).total_seconds())
        table.add_row(
            str(pool.index),
            _yes(pool.alive),
            _yes(pool.active),
            *(_whole(value) for value in (pool.accepted, pool.rejected, pool.stale)),
            "–" if last is None else f"{_duration(last)} ago",
            escape(pool.url or "–"),
            escape(pool.user or "–"),
        )
    return table


def found_table(readings: list[Reading]) -> Table:
    """Return the table of a scan: what answered, and what answered but could not be read."""
    table = Table(box=None, pad_edge=False)
    table.add_column("address", no_wrap=True, min_width=15)
    for name in ("make and model", "firmware", "driver", "state"):
        table.add_column(name, overflow="fold")
    table.add_column("MAC", no_wrap=True)
    table.add_column("hash rate", justify="right", no_wrap=True)
    for reading in readings:
        if isinstance(reading, Snapshot):
            identity = reading.identity
            firmware = " ".join(filter(None, (identity.firmware, identity.firmware_version)))
            cells = (_make(reading), firmware or "–", reading.driver, reading.state, identity.mac or "–")
            table.add_row(reading.address, *map(escape, cells), hash_rate(reading.hashrate_hs))
        else:
            table.add_row(
                reading.address,
                "–",
                "–",
                reading.driver or "–",
                escape(f"{reading.reason}: {reading.detail}"),
                "–",
                "–",
            )
    return table


def _make(snapshot: Snapshot) -> str:
    """Return make and model; many models name their maker themselves."""
    maker, model = snapshot.identity.manufacturer, snapshot.identity.model
    if maker and model and maker.lower() in model.lower():
        return model
    return " ".join(filter(None, (maker, model))) or "unknown model"


def _power(snapshot: Snapshot) -> str | None:
    if snapshot.power_w is None and snapshot.nominal_power_w is None and snapshot.power_limit_w is None:
        return None
    parts = [f"{_whole(snapshot.power_w)} W {snapshot.power_source or ''}".strip()]
    if snapshot.power_limit_w is not None:
        parts.append(f"limit {snapshot.power_limit_w:.0f} W")
    if snapshot.nominal_power_w is not None:
        parts.append(f"nominal {snapshot.nominal_power_w:.0f} W{_mark(snapshot, 'nominal_power_w')}")
    return ", ".join(parts)


def _mark(snapshot: Snapshot, field: str) -> str:
    return " (estimated)" if field in snapshot.estimated else ""


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _yes(value: bool | None) -> str:
    return "–" if value is None else ("yes" if value else "no")


def _duration(value: float | None) -> str:
    if value is None:
        return "–"
    minutes, hours, days = value / 60, value / 3600, value / 86400
    if days >= 1:
        return f"{int(days)} d {int(hours) % 24} h"
    if hours >= 1:
        return f"{int(hours)} h {int(minutes) % 60} min"
    return f"{int(minutes)} min" if minutes >= 1 else f"{int(value)} s"
