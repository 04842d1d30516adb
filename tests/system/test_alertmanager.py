"""A real Alertmanager tells each thing once, to whom it is for, and nothing that another alert explains."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.alert_rules import alerts
from tests.system.alertmanager_stage import Alertmanager, Labels, Sinks, start
from tests.system.stack import Stack, until

ALERTS = alerts()
OF_MINERS = {name for name, alert in ALERTS.items() if alert.scope == "miner"} - {"MinerPoolUserUnknown"}
OF_A_DEAD_CONTAINER = OF_MINERS | {"ContainerHashrateLow", "ContainerMinersMissing"}
OF_A_BROKEN_PART = {"MinerHashrateLow", "MinerNotHashing", "MinerNoShares", "MinerChipsLost"}
OF_A_NAMED_PART = OF_A_BROKEN_PART | {"MinerFault"}

# What mutes what, of the same container or of the same miner: written out once more, from docs/alerting.md.
MUTES = {
    "ContainerDown": ("container", OF_A_DEAD_CONTAINER | {"ContainerCommandsFailing"}),
    "ContainerScrapeFailed": ("container", OF_A_DEAD_CONTAINER),
    "HashyardReadingsStale": ("container", OF_A_DEAD_CONTAINER),
    "MinerDown": ("miner", OF_MINERS - {"MinerDown"}),
    "MinerBoardLost": ("miner", OF_A_NAMED_PART),
    "MinerOverTemperature": ("miner", OF_A_NAMED_PART),
    "MinerFanFailed": ("miner", OF_A_NAMED_PART),
    "MinerPoolsDead": ("miner", OF_A_NAMED_PART),
    "MinerRebootLoop": ("miner", OF_A_BROKEN_PART),
    "MinerFault": ("miner", OF_A_BROKEN_PART),
    "MinerDrawsWhileCurtailed": ("miner", {"MinerControlDrift"}),
    "ContainerOverheating": ("container", {"MinerOverTemperature"}),
    "ContainerCurtailmentMissed": (
        "container",
        {"MinerDrawsWhileCurtailed", "MinerControlDrift", "ContainerCommandsFailing"},
    ),
}
# And of whatever container.
OF_A_LOST_EXPORTER = {"ContainerScrapeFailed", "ContainerMissing", "HashyardInventoriesDiffer"}
PAIRS = [(cause, muted) for cause, (_, names) in MUTES.items() for muted in sorted(names)]

Frozen = frozenset[tuple[str, str]]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as found:
        yield found


@pytest.fixture
def sinks(stack: Stack) -> Iterator[Sinks]:
    with Sinks(f"127.{stack.network}.255.5").open() as found:
        yield found


@pytest.fixture
def lively(stack: Stack, alertmanager: Path, sinks: Sinks) -> Alertmanager:
    """One that tells what is firing again every second."""
    return start(stack, alertmanager, sinks, group_wait="300ms", group_interval="1s", repeat_interval="500ms")


def frozen(labels: Labels) -> Frozen:
    return frozenset(labels.items())


def all_of(found: list[Labels]) -> set[Frozen]:
    return {frozen(labels) for labels in found}


def labels_of(name: str, container: str, miner: str = "A-1") -> Labels:
    return ALERTS[name].labels(container, miner)


def wait_until_told_again(sinks: Sinks, wanted: list[Labels]) -> int:
    """Wait until all of them have been told from now on; return where among the posts that begins."""
    since = len(sinks.notifications)
    until(lambda: all_of(wanted) <= all_of(sinks.seen(since=since)), "what nothing mutes is told again")
    return since


def explained(posted: list[Labels]) -> list[Labels]:
    """Return those that another of them explains, by the table above."""

    def by(cause: Labels, effect: Labels) -> bool:
        same, names = MUTES.get(cause["alertname"], ("", set[str]()))
        return effect["alertname"] in names and all(
            cause.get(label) == effect.get(label) for label in ("container", same)
        )

    return [effect for effect in posted if any(by(cause, effect) for cause in posted)]


def test_the_table_names_alerts_that_there_are() -> None:
    named = {name for pair in PAIRS for name in pair} | OF_A_LOST_EXPORTER | {"HashyardExporterDown"}
    assert named <= set(ALERTS)


def test_each_alert_mutes_what_it_explains_and_nothing_else(lively: Alertmanager) -> None:
    effects = [name for name in ALERTS if name not in {*MUTES, "HashyardExporterDown", "Watchdog"}]
    posted = []
    for cause in MUTES:
        posted += [labels_of(cause, cause), *(labels_of(name, cause) for name in effects)]
        # Its neighbour is another miner, with the same complaints.
        posted += [labels_of(name, cause, "A-2") for name in effects]
        # Causes mute other causes too: each pair has a container of its own.
        for other in MUTES:
            posted += [labels_of(name, f"{cause}, {other}") for name in {cause, other}]
    posted = [dict(labels) for labels in all_of(posted)]
    lively.fire(*posted)
    expected = all_of(explained(posted))
    assert len(expected) > len(PAIRS)
    until(lambda: all_of(lively.muted()) == expected, "what is explained is muted")
    assert len(lively.alerts()) == len(posted)

    lively.fire(labels_of("HashyardExporterDown", ""))
    expected |= all_of([labels for labels in posted if labels["alertname"] in OF_A_LOST_EXPORTER])
    until(lambda: all_of(lively.muted()) == expected, "what a lost exporter explains is muted as well")


def test_a_cause_without_a_container_mutes_no_effect_without_one(lively: Alertmanager) -> None:
    """`equal` takes a missing label for equal to a missing one; no rule is so, and none may become so dangerous."""
    bare = [
        {name: text for name, text in labels_of(alert, "").items() if name not in {"container", "miner"}}
        for alert in ("HashyardReadingsStale", "ContainerDown", "MinerHashrateLow", "ContainerHashrateLow")
    ]
    whole = [labels_of("HashyardReadingsStale", "C"), labels_of("MinerHashrateLow", "C")]
    lively.fire(*bare, *whole)
    until(lambda: all_of(lively.muted()) == all_of(whole[1:]), "the one with a container is muted")


def test_an_effect_after_its_cause_is_never_told(lively: Alertmanager, sinks: Sinks) -> None:
    causes = [labels_of(cause, f"{cause}, {effect}") for cause, effect in PAIRS]
    effects = [labels_of(effect, f"{cause}, {effect}") for cause, effect in PAIRS]
    # The same complaints where nothing explains them.
    alone = [labels_of(effect, f"alone, {effect}") for _, effect in PAIRS]
    lively.fire(*causes)
    until(lambda: all_of(causes) <= all_of(sinks.seen()), "the causes are told")
    lively.fire(*effects, *alone)
    wait_until_told_again(sinks, alone)
    wait_until_told_again(sinks, alone)
    assert not all_of(effects) & all_of(sinks.seen())


def test_an_effect_before_its_cause_is_told_until_the_cause_comes(lively: Alertmanager, sinks: Sinks) -> None:
    causes = [labels_of(cause, f"{cause}, {effect}") for cause, effect in PAIRS]
    effects = [labels_of(effect, f"{cause}, {effect}") for cause, effect in PAIRS]
    alone = [labels_of(effect, f"alone, {effect}") for _, effect in PAIRS]
    lively.fire(*effects, *alone)
    until(lambda: all_of(effects) <= all_of(sinks.seen()), "the effects are told")
    lively.fire(*causes)
    until(lambda: all_of(lively.muted()) == all_of(effects), "the causes mute them")
    # What was under way when the cause came has arrived when everything else has been told once more.
    wait_until_told_again(sinks, causes + alone)
    since = wait_until_told_again(sinks, causes + alone)
    assert not all_of(effects) & all_of(sinks.seen(since=since))


@pytest.mark.parametrize("cause_first", [True, False], ids=["cause first", "effect first"])
def test_a_lost_exporter_explains_its_containers_and_they_their_miners(
    lively: Alertmanager, sinks: Sinks, *, cause_first: bool
) -> None:
    cause = labels_of("HashyardExporterDown", "")
    effects = [labels_of(name, "Container 1") for name in sorted(OF_A_LOST_EXPORTER)]
    miner = labels_of("MinerHashrateLow", "Container 1")
    bystander = labels_of("ContainerDown", "Container 2")
    if cause_first:
        lively.fire(cause)
        until(lambda: frozen(cause) in all_of(sinks.seen()), "the lost exporter is told")
        lively.fire(*effects, miner, bystander)
    else:
        lively.fire(*effects, bystander)
        until(lambda: all_of(effects) <= all_of(sinks.seen()), "the containers are told")
        lively.fire(cause, miner)
    # Muted itself, the unread container still mutes its miners.
    until(lambda: all_of(lively.muted()) == all_of([*effects, miner]), "all of it is muted")
    wait_until_told_again(sinks, [cause, bystander])
    since = wait_until_told_again(sinks, [cause, bystander])
    assert not all_of([*effects, miner]) & all_of(sinks.seen(since=0 if cause_first else since))


@pytest.fixture
def patient(stack: Stack, alertmanager: Path, sinks: Sinks) -> Alertmanager:
    """One that waits for what belongs together, and tells nothing twice."""
    return start(
        stack,
        alertmanager,
        sinks,
        group_wait="4s",
        group_interval="4s",
        repeat_interval="1h",
        webhooks_only=False,
    )


ANNOTATIONS: dict[str, Any] = {
    "summary": "{miner} has not answered for 10 minutes",
    "description": "{miner} of {container} has not answered for 10 minutes, ordered 100 %.",
    "runbook_url": "runbooks/MinerDown",
    "dashboard_url": "/d/hashyard-miner?var-miner={miner}",
}


def test_three_hundred_miners_of_a_container_are_one_message(patient: Alertmanager, sinks: Sinks) -> None:
    miners = [labels_of("MinerDown", "Container <3>", f"A-{number:03}") for number in range(300)]
    elsewhere = labels_of("MinerDown", "Container 4")
    patient.fire(*miners, **ANNOTATIONS)
    until(lambda: sinks.notifications and sinks.telegrams and sinks.mails, "people are told")
    patient.fire(elsewhere, **ANNOTATIONS)
    until(
        lambda: len(sinks.notifications) > 1 and len(sinks.telegrams) > 1 and len(sinks.mails) > 1,
        "the next is told",
    )

    first, second = sinks.notifications
    assert (first.receiver, len(first.firing), all_of(first.firing)) == ("people", 300, all_of(miners))
    assert second.firing == [elsewhere]
    heading = "Warning: MinerDown in Container <3> (300 firing)"
    telegram = sinks.telegrams[0]
    assert telegram["chat_id"] == "-100"
    assert telegram["parse_mode"] == "HTML"
    assert "<b>Warning: MinerDown in Container &lt;3&gt; (300 firing)</b>" in telegram["text"]
    assert telegram["text"].count("has not answered") == 10
    assert "10 of 300 are named here." in telegram["text"]
    assert 'href="https://farm.example.com/runbooks/MinerDown"' in telegram["text"]
    assert (
        'href="https://grafana.example.com/d/hashyard-container?var-container=Container' in telegram["text"]
    )
    mail = sinks.mails[0]
    assert mail["Subject"] == heading
    assert (mail["To"], mail["From"]) == ("shift@example.com", "hashyard@example.com")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert text.count("A-009 has not answered for 10 minutes") >= 1
        assert "A-010" not in text
        assert "10 of 300 are named here." in text
        assert "https://farm.example.com/runbooks/MinerDown" in text

    # In one breath: whatever falls upon the beat of the group would be told in two messages.
    patient.fire(*miners, ended=True, at_once=len(miners), **ANNOTATIONS)
    until(
        lambda: len(sinks.notifications) > 2 and len(sinks.telegrams) > 2 and len(sinks.mails) > 2,
        "the end is told",
    )
    assert len(sinks.notifications[2].resolved) == 300
    assert "<b>No longer seen: MinerDown in Container &lt;3&gt; (300)</b>" in sinks.telegrams[2]["text"]
    assert sinks.mails[2]["Subject"] == "No longer seen: MinerDown in Container <3> (300)"
    assert len(sinks.notifications) == len(sinks.telegrams) == len(sinks.mails) == 3


def test_thirty_dead_containers_are_one_message_to_each_who_is_told(
    patient: Alertmanager, sinks: Sinks
) -> None:
    dead = [labels_of("ContainerDown", f"Container {number}") for number in range(30)]
    miners = [labels_of("MinerDown", f"Container {number}") for number in range(30)]
    patient.fire(*dead, *miners)
    until(lambda: len(sinks.notifications) > 1, "people and the pager are told")
    patient.fire(labels_of("HashyardInventoryRejected", ""))
    until(lambda: len(sinks.notifications) > 2, "the next is told")
    assert {one.receiver: all_of(one.firing) for one in sinks.notifications[:2]} == {
        "people": all_of(dead),
        "pager": all_of(dead),
    }
    assert [labels["alertname"] for labels in sinks.notifications[2].firing] == ["HashyardInventoryRejected"]
    assert sinks.notifications[2].receiver == "people"


def test_the_dead_mans_switch_hears_its_beat_and_nobody_else_does(lively: Alertmanager, sinks: Sinks) -> None:
    lively.fire(labels_of("Watchdog", ""))
    until(lambda: len(sinks.seen("dead-mans-switch")) >= 3, "three beats")
    lively.fire(labels_of("Watchdog", ""), ended=True)
    lively.fire(labels_of("HashyardControllerDown", ""))
    until(lambda: len(sinks.seen("people")) >= 2, "something else, twice")
    assert {labels["alertname"] for labels in sinks.seen("people") + sinks.seen("pager")} == {
        "HashyardControllerDown"
    }
    # The end of the alert is no beat.
    assert all(one.firing for one in sinks.notifications if one.receiver == "dead-mans-switch")


def test_a_silence_for_work_on_site_outlives_a_restart(
    stack: Stack, alertmanager: Path, amtool: Path, sinks: Sinks
) -> None:
    times = {"group_wait": "300ms", "group_interval": "1s", "repeat_interval": "500ms"}
    first = start(stack, alertmanager, sinks, **times)
    subprocess.run(
        [
            *(amtool, f"--alertmanager.url={first.url}", "silence", "add", "--duration=4h"),
            *("--author=Second shift", "--comment=Changing the pump", 'container="Container 3"'),
        ],
        check=True,
        capture_output=True,
    )
    assert first.program.end() == 0
    second = start(stack, alertmanager, sinks, **times)
    worked_on = [labels_of("ContainerDown", "Container 3"), labels_of("MinerFault", "Container 3")]
    other = labels_of("ContainerDown", "Container 4")
    second.fire(*worked_on, other)
    until(lambda: len(sinks.seen()) >= 2, "the other container is told, twice")
    assert all_of(second.muted("silencedBy")) == all_of(worked_on)
    assert all_of(sinks.seen()) == {frozen(other)}
