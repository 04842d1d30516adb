"""A Snapshot to its lines: bytes of `/metrics`, made once, when the poll arrives.

A miner's row is a tuple of chunks, one for each metric of `metrics.MINER` and in its order; a chunk holds all lines of
that metric for this miner, and is empty where there are none. A page is then nothing but joined chunks. The text is
what prometheus_client would have written for the same families (labels sorted by name, Go's floats, escaping).
"""

from collections.abc import Sequence

import msgspec

from exporter.device import Nominal
from exporter.energy import EnergyMeter
from exporter.exposition import label, number
from exporter.forms import LabelBytes, filled
from exporter.metrics import COUNTED, KNOWN, READ, SAID
from exporter.pool_rules import Allowed
from miners.inventory.fleet import Container, Miner
from miners.model import FAILURE_REASONS, Fault, Snapshot

Row = tuple[bytes, ...]

NOTHING_READ: Row = (b"",) * len(READ)
NOTHING_SAID: Row = (b"",) * len(SAID)
_SAID_AT, _COUNTED_AT = len(KNOWN), len(KNOWN) + len(SAID)
READ_AT = _COUNTED_AT + len(COUNTED)

# Chunks are cut out of one text at these; no label can hold one (see exposition.label).
_NEXT = "\0"


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The usual labels of one miner as wire text, in the pieces between which others sort in.

    `whole` is `client="…",container="…",miner="…"`; `client` (with its comma, or empty) and `container` (with its
    comma) are for labels between them. `position` is for `miner_info`, `in_forms` for what is filled into forms.
    """

    whole: str
    client: str
    container: str
    miner: str
    position: str
    in_forms: LabelBytes


def miner_labels(container: Container, miner: Miner) -> Labels:
    """Return the labels of a miner."""
    client = f'client="{label(container.client)}",' if container.client is not None else ""
    container_text = f'container="{label(container.name)}",'
    miner_text = f'miner="{label(miner.name)}"'
    row, column = _place(miner.row), _place(miner.column)
    position = f"{row}-{column}" if row and column else ""
    whole = client + container_text + miner_text
    in_forms = LabelBytes(
        whole.encode("latin-1"), (client + container_text).encode("latin-1"), miner_text.encode("latin-1")
    )
    return Labels(whole, client, container_text, miner_text, position, in_forms)


def _place(place: int | None) -> str:
    """Return a row or column with a leading zero, for tables that sort by text: else 10 comes before 2."""
    return "" if place is None else f"{place:02d}"


def known_chunks(labels: Labels, miner: Miner, failures: Sequence[int], nominal: Nominal) -> Row:
    """Return the chunks of `metrics.KNOWN`. `failures`: counts in the order of FAILURE_REASONS."""
    whole = labels.whole
    text = [
        (
            f'miner_inventory_info{{address="{label(miner.address)}",algorithm="{label(nominal.algorithm)}",'
            f'{labels.client}column="{_place(miner.column)}",'
            f'{labels.container}manufacturer="{label(miner.manufacturer)}",{labels.miner},'
            f'model="{label(miner.model)}",row="{_place(miner.row)}"}} 1.0\n'
        ),
        _NEXT,
    ]
    for reason, count in zip(FAILURE_REASONS, failures, strict=True):
        text.append(f'miner_poll_failures_total{{{whole},reason="{reason}"}} {number(count)}\n')
    text.append(_NEXT)
    if nominal.hashrate_hs is not None:
        text.append(f"miner_nominal_hashrate_hashes_per_second{{{whole}}} {number(nominal.hashrate_hs)}\n")
    text.append(_NEXT)
    if nominal.power_w is not None:
        text.append(f"miner_nominal_power_watts{{{whole}}} {number(nominal.power_w)}\n")
    text.append(_NEXT)
    text += [
        f'miner_temperature_limit_celsius{{{whole},sensor="{label(sensor)}"}} {number(limit)}\n'
        for sensor, limit in nominal.limits_c
    ]
    return _chunks("".join(text))


def said_chunks(labels: Labels, snapshot: Snapshot, allowed: Allowed | None) -> Row:
    """Return the chunks of `metrics.SAID`. `allowed`: the inventory's list of pools, None without one."""
    who = snapshot.identity
    text = [
        (
            f'miner_info{{address="{label(snapshot.address)}",algorithm="{label(who.algorithm)}",{labels.client}'
            f'{labels.container}driver="{label(snapshot.driver)}",firmware="{label(who.firmware)}",'
            f'firmware_version="{label(who.firmware_version)}",mac="{label(who.mac)}",'
            f'manufacturer="{label(who.manufacturer)}",{labels.miner},model="{label(who.model)}",'
            f'position="{labels.position}",serial="{label(who.serial)}"}} 1.0\n'
        ),
        _NEXT,
    ]
    whole = labels.whole
    text += [
        f'miner_pool_info{{{whole},pool="{pool.index}",url="{label(pool.url)}",user="{label(pool.user)}"}} 1.0\n'
        for pool in snapshot.pools
    ]
    text.append(_NEXT)
    if allowed is not None:
        text += [
            f'miner_pool_allowed{{{whole},pool="{pool.index}"}} {"1.0" if allowed(pool.url, pool.user) else "0.0"}\n'
            for pool in snapshot.pools
        ]
    return _chunks("".join(text))


def says_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Return whether two readings of a miner have the same `said_chunks`: most polls find nothing new there."""
    if one.identity != other.identity or one.driver != other.driver or len(one.pools) != len(other.pools):
        return False
    for pool, again in zip(one.pools, other.pools, strict=True):
        if pool.index != again.index or pool.url != again.url or pool.user != again.user:
            return False
    return True


def counted_text(labels: Labels, *, up: bool, last_seen: float | None, meter: EnergyMeter) -> str:
    """Return the text of `metrics.COUNTED`, to be cut into chunks. `last_seen`: unix seconds."""
    whole = labels.whole
    seen = "" if last_seen is None else f"miner_last_seen_timestamp_seconds{{{whole}}} {number(last_seen)}\n"
    return (
        f"miner_up{{{whole}}} {'1.0' if up else '0.0'}\n\0{seen}\0"
        f"miner_observed_seconds_total{{{whole}}} {number(meter.observed_s)}\n\0"
        f'miner_energy_joules_total{{{whole},source="measured"}} {number(meter.measured_j)}\n'
        f'miner_energy_joules_total{{{whole},source="estimated"}} {number(meter.estimated_j)}\n'
    )


def failed_row(known: Row, labels: Labels, last_seen: float | None, meter: EnergyMeter) -> Row:
    """Return the row of a miner that has no reading now: what the exporter itself knows, and nothing else."""
    counted = counted_text(labels, up=False, last_seen=last_seen, meter=meter)
    return known + NOTHING_SAID + tuple(counted.encode("latin-1").split(b"\0")) + NOTHING_READ


def read_row(
    known: Row,
    said: Row,
    labels: Labels,
    snapshot: Snapshot,
    last_seen: float,
    meter: EnergyMeter,
    pool_switches: int,
) -> Row:
    """Return the row of a miner that was read just now. Raises NotFinite for values that no sample may have."""
    chunks = filled(labels.in_forms, snapshot, last_seen, meter, pool_switches)
    if snapshot.faults:
        chunks[-1] = _faults_text(labels, snapshot.faults).encode("latin-1")
    return (*known, *said, *chunks)


def said_of(row: Row) -> Row:
    """Return the chunks of `metrics.SAID` of a row, for the next one."""
    return row[_SAID_AT:_COUNTED_AT]


def _chunks(text: str) -> Row:
    return tuple(text.encode("latin-1").split(b"\0"))


def _faults_text(labels: Labels, faults: Sequence[Fault]) -> str:
    return "".join(
        f'miner_fault{{{labels.client}code="{label(fault.code)}",{labels.container}{labels.miner}}} 1.0\n'
        for fault in faults
    )
