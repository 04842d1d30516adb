"""Replies broken as firmwares break them and cut anywhere: what is read of them is right or absent, never wrong."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import antminer
from miners.errors import Malformed
from miners.repair import parse_reply
from tests.unit.miners.antminer_documents import (
    NOW,
    POOLS,
    S9_IDENTITY,
    S19_IDENTITY,
    SUMMARY,
    replies,
    s9_readings,
    s19_readings,
)

IDENTITY_L3 = {"CGMiner": "4.9.0", "Miner": "1.0.1.3", "Type": "Antminer L3+"}
READINGS_L3 = {"Elapsed": 86400, "GHS 5s": "504.326", "GHS av": 503.12, "fan1": 3420, "fan2": 3390, "chain_acn1": 72,
               "chain_rate1": "126.08", "temp1": 46, "temp2_1": 53}  # fmt: skip
SUMMARY_L3 = {"SUMMARY": [{"Elapsed": 86400, "GHS 5s": "504.326", "GHS av": 503.12, "Accepted": 4321}]}
SUMMARY_S19 = {"SUMMARY": [{"Elapsed": 7200, "GHS 5s": 104000.5, "GHS av": 103900.0, "Accepted": 9}]}
POWER = {f"chain_consumption{n}": 400 + n for n in (6, 7, 8)}

MINERS: dict[str, dict[str, Any]] = {
    "Antminer S9": replies(S9_IDENTITY, s9_readings() | POWER, summary=SUMMARY, pools=POOLS),
    "Antminer S19j Pro": replies(S19_IDENTITY, s19_readings(fan2=0), summary=SUMMARY_S19, pools=POOLS),
    "Antminer L3+": replies(IDENTITY_L3, READINGS_L3, summary=SUMMARY_L3, pools=POOLS),
}
DAMAGES = (
    ("},{", "}{"),
    ("[{", "[,{"),
    ("}", ",}"),
    ("]", ",]"),
    ("Antminer S", "Antminer\n S"),
    ("Antminer L", "Antminer\x01 L"),
    ('","', '""'),
)
TAILS = (b"", b"\0", b"\n", b"\r\n\0", b"\0\0")


def written(reply: dict[str, Any], damages: list[tuple[str, str]]) -> bytes:
    text = json.dumps(reply, separators=(",", ":"))
    for right, wrong in damages:
        # The last one is damage enough at a single place; the others come as often as the firmware writes it.
        text = text.replace(right, wrong, 1 if wrong == '""' else -1)
    return text.encode()


def figures(model: str, documents: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return every figure of the Draft by its place, boards, fans and pools by their number."""
    fields = msgspec.to_builtins(antminer.parse(documents, NOW, model, whole=whole))
    found = {}
    for name, value in fields.items():
        if isinstance(value, list):
            for part in value:
                found |= {f"{name} {part['index']} {key}": figure for key, figure in part.items()}
        elif name != "whole":
            found[name] = value
    return found


DAMAGED = st.lists(st.sampled_from(DAMAGES), max_size=4, unique=True)
SECTION = st.sampled_from(["stats", "summary", "pools"])


@given(model=st.sampled_from(sorted(MINERS)), damages=DAMAGED, tail=st.sampled_from(TAILS))
def test_broken_replies_read_as_whole_ones(model: str, damages: list[tuple[str, str]], tail: bytes) -> None:
    read = {name: parse_reply(written(reply, damages) + tail) for name, reply in MINERS[model].items()}
    assert not any(truncated for _, truncated in read.values())
    documents = {name: document for name, (document, _) in read.items()}
    assert figures(model, documents, whole=True) == figures(model, MINERS[model], whole=True)


@given(
    model=st.sampled_from(sorted(MINERS)),
    damages=DAMAGED,
    section=SECTION,
    share=st.floats(0, 1, exclude_max=True),
    tail=st.sampled_from(TAILS),
    lost=st.none() | SECTION,
)
def test_a_cut_reply_tells_the_truth_or_nothing(
    model: str,
    damages: list[tuple[str, str]],
    section: str,
    share: float,
    tail: bytes,
    lost: str | None,
) -> None:
    documents = dict(MINERS[model])
    sent = written(documents.pop(section), damages)
    try:
        documents[section] = parse_reply(sent[: int(len(sent) * share)] + tail)[0]
    except Malformed:
        assert section not in documents
    if lost is not None:
        documents.pop(lost, None)
    truth = figures(model, MINERS[model], whole=True)
    for place, figure in figures(model, documents, whole=False).items():
        assert figure is None or figure == truth[place], place
