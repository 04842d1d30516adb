"""The page of a miner: what is reported, what is not, from when it is, and what was done."""

from datetime import timedelta
from pathlib import Path

from controller.deeds import Source
from controller.model import Event, Hold, MinerRecord, Override, ServiceMark, Wanted, new_id
from miners.model import Identity, Temperatures
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import A1, A2, BORIS, full_snapshot, main, page, pairs


async def test_what_a_miner_reports_is_shown_in_its_units(fleet: FleetHouse) -> None:
    found = await page(await fleet.browser(), A1)
    assert found.one("h1").words == "a1 Antminer S19j Pro"
    assert found.one("p", class_="state").words.startswith("mining")
    assert "A1 · row 1, column 1" in main(found), "on the container's page it is A1"
    shown = pairs(found)
    assert shown["Hash rate"] == "66.1 TH/s 63.6 % of 104.0 TH/s"
    assert shown["Power"] == "2,210 W measured by the miner"
    assert shown["Efficiency"].startswith("33.4 J/TH")
    assert shown["Read"] == "5 s ago at 15:59"  # noon UTC is four in the afternoon in Samara
    assert shown["Profile"] == "normal ordered, and read back"
    assert shown["Up"] == "12 d 4 h"
    assert shown["Serial"] == "SMT0123"
    assert shown["Address"] == "10.1.7.1:4028"
    assert "2 of 3 boards found" in main(found)
    boards, pools = found.all("table")
    rows = [row for row in boards.all("tr") if "hidden" not in row.attributes]
    assert [cell.words for cell in rows[1].all("td")] == ["33.0", "126/126", "71", "–", "545", "–", "–"]
    assert rows[2].all("td")[-1].words == "0"  # a measured nought is no absence
    assert [cell.words for cell in (*rows[3].all("th"), *rows[3].all("td"))] == ["2 lost", *"–––––––"]
    assert len(rows) == 4
    assert "12,480 22 (0.18 %) 6 s ago" in pools.words
    assert "spare, dead" in pools.words
    assert "J0:2 chain 2 not found since 15:00" in main(found)
    assert "Europe/Samara (UTC+04:00)" in main(found)


async def test_what_is_not_reported_is_a_dash_with_the_words_and_never_a_nought(fleet: FleetHouse) -> None:
    fleet.deeds.snapshot(
        "container-1.a1",
        identity=Identity(),
        hashrate_hs=None,
        power_w=None,
        power_source=None,
        temperatures_c=Temperatures(),
    )
    found = await page(await fleet.browser(), A1)
    shown = pairs(found)
    for name in ("Hash rate", "Power", "Efficiency", "Hottest chip"):
        assert shown[name].startswith("– not reported"), name
    for name in ("Fans", "Supply", "Power limit", "Serial", "MAC", "Up", "It says of itself"):
        assert shown[name] == "– not reported", name
    assert "not known" not in main(found).replace("nominal not known", "")
    assert "It reports none" in main(found)
    assert " 0 W" not in main(found).replace("\u00a0", " ")


async def test_an_estimated_power_says_so(fleet: FleetHouse) -> None:
    full_snapshot(fleet, power_source="estimated")
    assert pairs(await page(await fleet.browser(), A1))["Power"] == "2,210 W estimated from the model"


async def test_a_stale_reading_is_dated_and_never_called_the_present(fleet: FleetHouse) -> None:
    fleet.deeds.altered["container-1.a1"] = {"stale": True}
    fleet.deeds.origin_of_readings = Source(state="away", since=BEGIN, reason="connection refused")
    fleet.deeds.pass_time(minutes=14)
    found = await page(await fleet.browser(), A1)
    assert found.one("p", class_="state").words == "not known now, was mining 14 min ago"
    assert "what is shown is from then, not of now" in main(found)
    assert "The exporter is away since" in main(found)
    assert found.one("div", class_="miner").attributes["data-state"] == "stale"
    assert pairs(found)["Read"].startswith("14 min ago")
    assert "not known now" in pairs(found)["Profile"]
    assert "read back" not in main(found)


async def test_a_miner_that_fell_silent_shows_its_last_reading_and_its_age(fleet: FleetHouse) -> None:
    before = full_snapshot(fleet)
    fleet.deeds.pass_time(minutes=12)
    failure = fleet.deeds.failure("container-1.a1")
    fleet.deeds.altered["container-1.a1"] = {
        "last_snapshot": before,
        "failing_since": fleet.deeds.now - timedelta(minutes=11),
    }
    found = await page(await fleet.browser(), A1)
    assert found.one("p", class_="state").words == "unreachable: no answer since 16:01: timed out"
    assert f"No{failure.detail[2:]}." in main(found)
    assert "So since 16:01 (11 min). Last tried 0 s ago." in main(found)
    assert "its last reading, 12 min old" in main(found)
    assert pairs(found)["Hash rate"].startswith("66.1 TH/s")
    assert pairs(found)["Read"].startswith("12 min ago")
    assert found.one("div", class_="miner").attributes["data-state"] == "failed"
    client = main(await page(await fleet.browser("clara", "client"), A1))
    assert "No answer in time." in client
    assert "10.1.7.1" not in client
    assert "66.1" not in client
    assert "Its last figures are not shown" in client
    assert "Not known: there is no reading to show" in client


async def test_a_miner_that_never_answered_and_one_that_was_never_read(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, A2)
    assert "It has not answered since the controller started" in main(found)
    assert pairs(found)["Read"].startswith("never")
    for table in found.all("table"):
        assert all("hidden" in row.attributes for row in table.one("tbody").all("tr"))
    assert "Not known: there is no reading to show" in main(found)
    assert pairs(found)["Hash rate"].startswith("– not known")
    assert "not reported" not in main(found).replace("A dash is what is not reported", "")
    fleet.deeds.readings.clear()
    found = await page(browser, A2)
    assert found.one("p", class_="state").words == "not read yet"
    assert pairs(found)["Hash rate"].startswith("– not known")


async def test_a_disabled_miner_says_so(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = HAND.replace("address: 10.1.7.1,", "address: 10.1.7.1, active: false,")
    fleet = await start(make_house, tmp_path, hand=hand)
    found = await page(await fleet.browser(), A1)
    assert "it is neither read nor commanded" in main(found)


async def test_what_stands_against_commands_is_said(fleet: FleetHouse) -> None:
    override = Override(
        id=new_id("ov"),
        profile="curtail",
        ends="at",
        reason="breaker 2",
        created_by=BORIS,
        created_at=BEGIN,
        starts_at=BEGIN,
        until=BEGIN + timedelta(hours=2),
        containers=("container-1",),
    )
    fleet.deeds.kept_overrides.append(override)
    fleet.deeds.marks["container-1.a1"] = ServiceMark(
        miner="container-1.a1", reason="new fan", created_by=BORIS, created_at=BEGIN
    )
    fleet.deeds.kept_holds.append(
        Hold(id=new_id("hold"), container="container-1", reason="smoke", created_by=BORIS, created_at=BEGIN)
    )
    fleet.deeds.altered["container-1.a1"] = {
        "wanted": Wanted(profile="curtail", source="override", override_id=override.id, since=BEGIN),
        "matches": False,
        "doubt": "its serial is another one",
        "record": MinerRecord(
            miner="container-1.a1",
            applied_profile="normal",
            last_outcome="accepted_unverified",
            last_detail="it said yes",
        ),
    }
    found = await page(await fleet.browser(), A1)
    shown = pairs(found)
    assert shown["Wanted"] == "curtail, by an override since 16:00"
    assert shown["Override"].startswith("boris: breaker 2, until 18:00")
    ways = [link.attributes["href"] for link in found.one("span", class_="override-links").all("a")]
    assert ways[1] == f"/deeds/end-override?override={override.id}&back=%2Fminers%2Fcontainer-1.a1"
    assert shown["Last confirmed"] == "normal"
    assert shown["Last order"] == "accepted, but it could not be read back: it said yes"
    assert shown["Not sent"] == "its serial is another one"
    assert "In service since 16:00, boris: new fan" in main(found)
    assert "Held since 16:00 by boris: smoke" in main(found)
    assert "not in its profile curtail" in found.one("p", class_="state").words
    client = main(await page(await fleet.browser("clara", "client"), A1))
    for private in ("boris", "smoke", "breaker 2", "new fan", "serial is another", "it said yes"):
        assert private not in client
    assert "In service since 16:00. Nothing is sent to it." in client


async def test_the_log_says_in_words_what_was_done(fleet: FleetHouse) -> None:
    await fleet.house.storage.events.add(
        Event(
            id=new_id("evt"),
            at=BEGIN - timedelta(hours=20),
            category="command",
            kind="command.finished",
            actor=BORIS,
            params={"action": "sleep", "duration_s": 2.94, "detail": "read back asleep at 10.1.7.1"},
            outcome="applied",
            container="container-1",
            miner="container-1.a1",
            client="acme",
        )
    )
    log = (await page(await fleet.browser(), A1)).one("ol", class_="miner-log")
    assert log.words == (
        "yesterday 20:00 Sleep: done and read back after 2.9 s: read back asleep at 10.1.7.1 boris"
    )
    client = (await page(await fleet.browser("clara", "client"), A1)).one("ol", class_="miner-log")
    assert client.words == "yesterday 20:00 Sleep: done and read back operator"


async def test_the_page_is_small(fleet: FleetHouse) -> None:
    response = await (await fleet.browser()).get(A1)
    assert len(await response.read()) < 60_000
