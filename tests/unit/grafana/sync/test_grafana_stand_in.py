"""The stand-in answers as the real one did: each status, message and shape of the recorded conversation."""

import json

from tests.unit.grafana.sync import grafana_stand_in as stand_in
from tests.unit.grafana.sync.conversation import CALLS, RECORDING, talk


def test_the_stand_in_answers_as_grafana_did() -> None:
    recorded = json.loads(RECORDING.read_text(encoding="utf-8"))
    with stand_in.serving() as grafana:
        said = talk(grafana.url, stand_in.PASSWORD)
    assert len(recorded) == len(CALLS)
    for was, now in zip(recorded, said, strict=True):
        # A refusal says numbers beside its message that are of no use here.
        kept = ("call", "status", "message") if was["status"] >= 400 else tuple(was)
        assert {key: now[key] for key in kept} == {key: was[key] for key in kept}
