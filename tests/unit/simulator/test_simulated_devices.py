"""Each make answers in its own way: shapes and quirks of `docs/simulator.md`, read with plain JSON once the quirk is undone."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.build import build_miners
from simulator.catalogue import CATALOGUE
from simulator.miner import SimulatedMiner
from simulator.setting import Setting
from simulator.specs import ContainerSpec, MinerSpec

START = 1_750_000_000.0
NOW = START + 3_600


def make(model: str, *, name: str = "a1", **simulate: object) -> SimulatedMiner:
    spec = MinerSpec(container="c", name=name, address="127.0.0.1", model=model, simulate=simulate)
    wear = {
        "restarts_per_day": 0,
        "pool_outages_per_day": 0,
        "chip_deaths_per_day": 0,
        "board_deaths_per_day": 0,
    }
    return build_miners(
        [ContainerSpec(name="c", simulate={"wear": wear}, miners=(spec,))], seed=3, start=START
    )[0]


def ask(miner: SimulatedMiner, command: str, now: float = NOW, **more: object) -> Any:
    """Return the reply to a command as JSON; the quirks undone are the ones that stand in the tests below."""
    reply = miner.reply(json.dumps({"command": command, **more}).encode(), now).rstrip(b"\0").decode()
    reply = reply.replace("}{", "},{").replace('\n"', '"').replace(",}", "}").replace("\\'", "'")
    return json.loads(re.sub(r":-?nan\b", ":null", reply))


def page(miner: SimulatedMiner, name: str, now: float = NOW) -> Any:
    body = miner.web(f"/cgi-bin/{name}.cgi", now)
    assert body is not None
    return json.loads(body.replace(b'" : ,', b'" : null,').replace(b'" : }', b'" : null}'))


def frame(miner: SimulatedMiner, command: str, parameter: str | None = None, now: float = NOW) -> Any:
    asked = {"cmd": command} if parameter is None else {"cmd": command, "param": parameter}
    return json.loads(miner.frame(json.dumps(asked).encode(), now))


@pytest.mark.parametrize("model", [figures.name for figures in CATALOGUE])
def test_every_model_answers_on_the_ports_of_its_make(model: str) -> None:
    miner = make(model)
    if "rpc" in miner.ports:
        summary = ask(miner, "summary")
        row = summary["Msg"] if isinstance(summary.get("Msg"), dict) else summary["SUMMARY"][0]
        assert row["Elapsed"] > 3_600
        assert row["Total MH"] > 0
    if "web" in miner.ports:
        assert page(miner, "get_system_info")["minertype"] == miner.physics.figures.reported
    if "v3" in miner.ports:
        assert frame(miner, "get.miner.status", "summary")["code"] == 0
    assert miner.ports


def test_the_s9_joins_numbers_its_chains_from_six_and_forgets_a_comma() -> None:
    miner = make("S9")
    raw = miner.reply(b'{"command":"summary+stats+pools"}', NOW)
    assert raw.endswith(b"\0")
    assert b"}{" in raw
    with pytest.raises(json.JSONDecodeError):
        json.loads(raw.rstrip(b"\0"))
    joined = ask(miner, "summary+stats+pools")
    stats = joined["stats"][0]["STATS"][1]
    assert isinstance(stats["GHS 5s"], str)
    assert float(stats["GHS 5s"]) == pytest.approx(13_500, rel=0.05)
    assert [number for number in range(1, 17) if stats[f"chain_acn{number}"]] == [6, 7, 8]
    assert sum(float(stats[f"chain_rate{number}"]) for number in (6, 7, 8)) == pytest.approx(
        float(stats["GHS 5s"]), rel=1e-3
    )
    assert stats["chain_acs6"].count("o") == 63
    assert [stats[f"fan{place}"] > 0 for place in range(1, 9)] == [place in {3, 6} for place in range(1, 9)]
    assert joined["pools"][0]["POOLS"][0]["Last Share Time"].startswith("0:00:")


def test_some_s9_break_their_name_with_a_line_end() -> None:
    raw = {make("S9", name=f"a{number}").reply(b'{"command":"stats"}', NOW) for number in range(12)}
    broken = [reply for reply in raw if b'"Type":"Antminer S9\n"' in reply]
    assert 0 < len(broken) < len(raw)


def test_scrypt_antminers_say_their_unit_or_mean_gigahashes() -> None:
    small = ask(make("L3+"), "stats")["STATS"][1]
    assert small["rate_unit"] == "MH"
    assert float(small["GHS 5s"]) == pytest.approx(504, rel=0.05)
    middle = ask(make("L7"), "stats")["STATS"][1]
    assert (middle["rate_unit"], middle["total_rateideal"]) == ("MH", 9_500)
    large = ask(make("L9"), "stats")["STATS"][1]
    assert "rate_unit" not in large
    assert large["total_rateideal"] == 16
    assert isinstance(large["temp_out_chip_1"], str)


def test_the_new_antminer_refuses_joins_and_devs_and_knows_the_new_form() -> None:
    miner = make("S19 Pro")
    assert ask(miner, "summary+stats")["STATUS"][0]["Code"] == 14
    assert ask(miner, "devs")["STATUS"][0]["Code"] == 45
    stats = ask(miner, "stats")["STATS"]
    assert stats[0]["Type"] == "Antminer S19 Pro"
    assert stats[1]["total_rateideal"] == 110_000
    assert re.fullmatch(r"\d+-\d+-\d+-\d+", stats[1]["temp_pcb1"])
    assert (stats[1]["chain_acn4"], stats[1]["temp_chip4"], stats[1]["chain_rate4"]) == (0, "0-0-0-0", "")
    new = ask(miner, "stats", new_api=True)["STATS"][0]
    assert [chain["asic_num"] for chain in new["chain"]] == [114, 114, 114]


def test_antminer_pages_show_mode_faults_and_an_empty_value() -> None:
    miner = make("S19", fault="fan_dead", fan=2)
    assert b'"bitmain-freq-level" : }' in (miner.web("/cgi-bin/get_miner_conf.cgi", NOW) or b"")
    assert page(miner, "get_miner_conf")["bitmain-work-mode"] == "0"
    lines = {line["type"]: line["status"] for line in page(miner, "summary")["SUMMARY"][0]["status"]}
    assert lines == {"rate": "s", "network": "s", "fans": "e", "temp": "s"}
    assert page(miner, "stats")["STATS"][0]["rate_unit"] == "GH/s"
    assert page(miner, "pools")["POOLS"][0]["status"] == "Alive"
    assert miner.web("/cgi-bin/reboot.cgi", NOW) is None
    miner.order(Setting(asleep=True), NOW)
    assert page(miner, "get_miner_conf", NOW + 60)["bitmain-work-mode"] == "1"
    assert page(miner, "stats", NOW + 60)["STATS"][0]["rate_5s"] == 0


def test_a_sleeping_s17_says_mode_254() -> None:
    assert ask(make("S17"), "stats")["STATS"][1]["Mode"] == 0
    assert ask(make("S17", fault="sleeping"), "stats")["STATS"][1]["Mode"] == 254


def test_a_whatsminer_joins_its_tables_and_answers_the_rest_singly() -> None:
    miner = make("M30S+")
    joined = ask(miner, "summary+edevs+devdetails+pools+get_psu")
    assert joined["get_psu"][0]["STATUS"][0]["Code"] == 14
    summary = joined["summary"][0]["SUMMARY"][0]
    assert summary["HS RT"] == pytest.approx(100e6, rel=0.06)
    assert summary["Firmware Version"] == "'20240115.10.REL'"
    assert 1_000 < summary["Voltage"] < 1_400
    assert [board["Slot"] for board in joined["edevs"][0]["DEVS"]] == [0, 1, 2]
    assert joined["devdetails"][0]["DEVDETAILS"][0]["Model"] == "M30S+_VE40"
    assert NOW - 60 < joined["pools"][0]["POOLS"][0]["Last Share Time"] <= NOW
    psu = ask(miner, "get_psu")["Msg"]
    assert 22_000 < int(psu["vin"]) < 24_000
    by_cmd = json.loads(miner.reply(b'{"cmd":"get_version"}', NOW).rstrip(b"\0"))
    assert by_cmd["Code"] == 131
    assert ask(miner, "get_error_code")["Msg"] == {"error_code": []}


def test_an_old_whatsminer_breaks_its_json() -> None:
    miner = make("M20S", fault="board_dead", board=2)
    raw = miner.reply(b'{"command":"summary"}', NOW)
    assert b",}]" in raw
    assert b"\\'20210322.22.REL\\'" in raw
    summary = ask(miner, "summary")["SUMMARY"][0]
    assert (summary["Error Code Count"], summary["Error Code 0"]) == (1, 531)
    assert ask(miner, "status")["Msg"]["btmineroff"] == "false"
    code, since = ask(miner, "get_error_code")["Msg"]["error_code"]
    assert code == "531"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", since)


def test_an_error_code_bears_the_time_when_its_fault_began() -> None:
    miner = make("M30S+", faults=[{"fault": "board_dead", "board": 2, "after_s": 600}])
    assert ask(miner, "get_error_code", START + 599)["Msg"] == {"error_code": []}
    began = datetime.fromtimestamp(START + 600, UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert ask(miner, "get_error_code")["Msg"] == {"error_code": [{"531": began}]}


def test_the_newest_whatsminer_v2_wraps_everything_and_joins_nothing() -> None:
    miners = [make("M50", name=f"a{number}") for number in range(8)]
    wrapped = [
        miner
        for miner in miners
        if "Msg" in ask(miner, "summary") and ask(miner, "summary").get("Code") == 131
    ]
    assert 0 < len(wrapped) < len(miners)
    assert ask(wrapped[0], "summary+pools")["STATUS"][0]["Code"] == 14
    assert isinstance(ask(wrapped[0], "pools")["Msg"], list)
    assert ask(wrapped[0], "summary")["Msg"]["Factory GHS"] == 114_000


def test_a_sleeping_whatsminer_shows_a_stale_hash_rate_and_status_decides() -> None:
    miner = make("M30S+")
    ask(miner, "summary", START + 60)
    miner.order(Setting(asleep=True), START + 60)
    summary = ask(miner, "summary")["SUMMARY"][0]
    assert summary["HS RT"] == pytest.approx(100e6, rel=0.06)
    assert summary["Power"] < 60
    assert ask(miner, "status")["Msg"]["mineroff"] == "true"


def test_v3_answers_its_questions_and_nothing_else() -> None:
    miner = make("M60S", fault="chip_loss", chips=10)
    answer = frame(miner, "get.miner.status", "summary+pools+edevs")
    assert (answer["code"], answer["desc"]) == (0, "get.miner.status")
    assert answer["msg"]["summary"]["hash-realtime"] == pytest.approx(186, rel=0.06)
    assert [board["effective-chips"] for board in answer["msg"]["edevs"]] == [215, 225, 225]
    assert answer["msg"]["pools"][0]["stratum-active"] is True
    whole = frame(miner, "get.device.info")["msg"]
    assert whole["miner"]["type"] == "M60S_VK40"
    assert "550" in whole["error-code"][0]
    assert frame(miner, "get.device.info", "power")["msg"].keys() == {"power"}
    assert frame(miner, "get.weather")["code"] == -2
    assert frame(miner, "get.miner.status", "weather")["code"] == -3
    assert frame(miner, "get.miner.status")["code"] == -3
    assert frame(miner, "set.miner.service", "stop")["code"] == -4
    assert json.loads(miner.frame(b"nonsense", NOW))["code"] == -3
    assert frame(miner, "get.device.info", "miner", NOW)["msg"]["miner"]["working"] == "true"
    miner.order(Setting(asleep=True, mode="low"), NOW)
    assert frame(miner, "get.device.info", "miner", NOW + 60)["msg"]["miner"]["working"] == "false"
    assert frame(miner, "get.device.info", "power", NOW + 60)["msg"]["power"]["mode"] == "0"


def values_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)\[([^\]]*)\]", text))


def test_a_single_module_avalon_says_everything_in_one_text() -> None:
    stats = ask(make("1246"), "stats")["STATS"][0]
    values = values_of(stats["MM ID0"])
    assert values["Ver"].startswith("1246-90-")
    assert float(values["GHSspd"]) == pytest.approx(90_000, rel=0.06)
    assert sum(map(float, values["MGHS"].split())) == pytest.approx(float(values["GHSspd"]), rel=1e-3)
    assert int(values["PS"].split()[6]) == pytest.approx(3_420, rel=0.06)
    assert values["SYSTEMSTATU"].startswith("Work: In Work")
    assert len(values["PVT_T0"].split()) == 120
    assert values["TA"] == "360"
    assert values["FanR"].endswith("%")


def test_avalons_know_their_power_in_their_own_way() -> None:
    newest = values_of(ask(make("1566"), "stats")["STATS"][0]["MM ID0"])
    assert int(newest["WALLPOWER"]) == pytest.approx(3_420, rel=0.06)
    assert "ITemp" in newest
    assert "Temp" not in newest
    tenth = values_of(ask(make("1066"), "stats")["STATS"][0]["MM ID0"])
    assert len(tenth["PS"].split()) == 6
    assert float(tenth["GHSspd"]) == 0
    assert ask(make("1066"), "summary")["SUMMARY"][0]["MHS 30s"] == pytest.approx(50e6, rel=0.06)


def test_a_controller_speaks_for_four_modules_and_knows_no_model_of_its_own() -> None:
    gone = [{"fault": "board_dead", "board": board} for board in (9, 10, 11, 12, 14)]
    miner = make("841", faults=gone)
    stats = ask(miner, "stats")["STATS"][0]
    assert [key for key in stats if key.startswith("MM ID")] == ["MM ID1", "MM ID2", "MM ID4"]
    assert stats["MM ID1"].startswith("Ver[8411706-")
    whole, broken = values_of(stats["MM ID1"]), values_of(stats["MM ID4"])
    assert "PS" not in whole
    assert (whole["TA"], whole["PG"], broken["TA"], broken["PG"]) == ("104", "15", "78", "13")
    assert (whole["ECHU"], broken["ECHU"]) == ("0 0 0 0", "0 2048 0 0")
    assert float(whole["GHSmm"]) == 13_600
    assert len(whole["PVT_T3"].split()) == 26
    assert "MODEL" not in ask(miner, "version")["VERSION"][0]
    assert b'"Device Hardware%":-nan' in miner.reply(b'{"command":"summary"}', NOW)


def test_the_q_nests_its_text_and_counts_times_from_boot() -> None:
    miner = make("Q")
    stats = ask(miner, "stats")["STATS"][0]
    assert stats["MM ID0:Summary"].startswith("'STATS':{Ver[Q-")
    assert stats["HBinfo"].startswith("'HB0':{PVT_T0[")
    last_share = ask(miner, "pools")["POOLS"][0]["Last Share Time"]
    assert 0 < last_share < miner.at(NOW).uptime_s
    assert "STATS" in ask(miner, "litestats")
    assert ask(make("1246"), "litestats")["STATUS"][0]["Code"] == 14


def test_an_avalon_without_shares_divides_by_nothing_and_a_starting_one_speaks_in_plain_text() -> None:
    fresh = make("1246")
    fresh.reboot(NOW)
    booted = fresh.physics.boot_until
    assert fresh.reply(b'{"command":"summary"}', booted + 5) == b"Socket connect failed: Connection refused\n"
    raw = fresh.reply(b'{"command":"summary"}', booted + 30)
    assert b'"Device Rejected%":nan' in raw


def test_a_sleeping_avalon_idles() -> None:
    values = values_of(ask(make("1246", fault="sleeping"), "stats")["STATS"][0]["MM ID0"])
    assert values["SYSTEMSTATU"].startswith("Work: In Idle")
    assert (float(values["GHSspd"]), values["SoftOFF"]) == (0, "4")


def test_elphapex_speaks_as_an_antminer_on_4028_and_in_thousandths_on_the_web() -> None:
    miner = make("DG1+")
    stats = ask(miner, "stats")["STATS"]
    assert (stats[0]["Type"], stats[1]["rate_unit"]) == ("DG1+", "MH")
    assert float(stats[1]["GHS 5s"]) == pytest.approx(14_000, rel=0.06)
    assert ask(miner, "summary+stats")["STATUS"][0]["Code"] == 14
    web = page(miner, "stats")["STATS"][0]
    assert web["rate_unit"] == "MH/s"
    assert web["chain"][0]["freq_avg"] == 1_850_000
    assert 40_000 < int(web["chain"][0]["temp_chip"][3]) < 95_000
    assert all(isinstance(rpm, str) for rpm in web["fan"])
    assert int(page(miner, "get_power")["power_output"]) == pytest.approx(3_920, rel=0.06)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page(miner, "pools")["POOLS"][0]["lstime"])


def test_the_home_model_keeps_4028_closed_and_has_its_board_in_the_last_slot() -> None:
    miner = make("DG-Home1")
    assert miner.ports == {"web": 80}
    chains = page(miner, "stats")["STATS"][0]["chain"]
    assert [chain["asic_num"] for chain in chains] == [0, 0, 0, 120]
    assert page(make("DG-Home1", fault="sleeping"), "get_miner_conf")["fc-work-mode"] == "-1000"


def test_luxos_knows_watts_presets_and_one_session() -> None:
    miner = make("S19k Pro", device="luxos")
    joined = ask(miner, "summary+devs+temps+fans+power+config+profiles+events")
    assert joined["power"][0]["POWER"][0]["Watts"] == pytest.approx(2_760, rel=0.06)
    assert joined["config"][0]["CONFIG"][0]["CurtailMode"] == "None"
    sensors = joined["temps"][0]["TEMPS"][0]
    assert sensors["TopLeft"] > sensors["TopRight"]
    assert "default" in [row["Profile Name"] for row in joined["profiles"][0]["PROFILES"]]
    assert [row["Nominal MHS"] for row in joined["devs"][0]["DEVS"]] == [40e6, 40e6, 40e6]

    assert ask(miner, "session")["SESSION"] == [{"SessionID": ""}]
    made = ask(miner, "logon")
    session = made["SESSION"][0]["SessionID"]
    assert made["STATUS"][0]["Code"] == 316
    assert ask(miner, "logon")["STATUS"][0]["Code"] == 402
    assert ask(miner, "session")["SESSION"][0]["SessionID"] == session
    assert ask(miner, "logoff", parameter="somebody-else")["STATUS"][0]["Msg"] == "Invalid session id"
    assert ask(miner, "logoff", parameter=session)["STATUS"][0]["STATUS"] == "S"
    again = ask(miner, "logon")["SESSION"][0]["SessionID"]
    assert ask(miner, "logon", NOW + 61)["STATUS"][0]["Code"] == 316
    assert again != session


def test_vnish_is_an_antminer_with_consumption_and_a_fee() -> None:
    miner = make("S19j Pro", device="vnish")
    joined = ask(miner, "stats+pools")
    stats = joined["stats"][0]["STATS"]
    assert stats[0]["Type"] == "Antminer S19j Pro (Vnish 1.2.6)"
    assert sum(stats[1][f"chain_consumption{number}"] for number in (1, 2, 3)) == pytest.approx(
        3_068, rel=0.07
    )
    assert joined["pools"][0]["POOLS"][-1]["URL"] == "DevFee"


def test_the_generic_cgminer_reads_in_its_own_tables() -> None:
    joined = ask(make("S19", device="cgminer"), "summary+devs+temps+fans+tunerstatus+devdetails+pools")
    assert joined["summary"][0]["SUMMARY"][0]["MHS 5s"] == pytest.approx(95e6, rel=0.06)
    assert [row["Chips"] for row in joined["devdetails"][0]["DEVDETAILS"]] == [76, 76, 76]
    tuner = joined["tunerstatus"][0]["TUNERSTATUS"][0]
    assert tuner["ApproximateMinerPowerConsumption"] == pytest.approx(3_250, rel=0.06)


@pytest.mark.parametrize("model", ["S9", "S19", "M30S+", "1246", "DG1+"])
def test_what_is_no_command_gets_an_error_and_never_silence(model: str) -> None:
    miner = make(model)
    for request, code in (
        (b"nonsense", 23),
        (b"[1]", 24),
        (b"{}", 24),
        (b'{"command":7}', 24),
        (b'{"command":"made_up"}', 14),
        (b'{"command":"+"}', None),
    ):
        reply = json.loads(miner.reply(request, NOW).rstrip(b"\0").replace(b",}", b"}"))
        if code is not None:
            assert reply["STATUS"][0]["Code"] == code
            assert reply["STATUS"][0]["STATUS"] == "E"


def test_a_dead_board_is_missing_in_every_makes_own_way() -> None:
    assert ask(make("S9", fault="board_dead", board=2), "stats")["STATS"][1]["chain_acn7"] == 0
    assert [row["Slot"] for row in ask(make("M30S+", fault="board_dead", board=2), "devs")["DEVS"]] == [0, 2]
    assert (
        values_of(ask(make("1246", fault="board_dead", board=2), "stats")["STATS"][0]["MM ID0"])["ECHU"]
        == "0 2048 0"
    )
    assert page(make("DG1+", fault="board_dead", board=2), "stats")["STATS"][0]["chain"][1]["asic_num"] == 0


def test_identity_is_its_own_and_the_same_in_every_run() -> None:
    macs = [page(make("S19", name=f"a{number}"), "get_system_info")["macaddr"] for number in range(50)]
    assert len(set(macs)) == 50
    assert macs == [
        page(make("S19", name=f"a{number}"), "get_system_info")["macaddr"] for number in range(50)
    ]


def test_static_replies_stand_until_their_time_is_over() -> None:
    miner = make("M30S+", static=300)
    first = miner.reply(b'{"command":"summary"}', START)
    assert miner.reply(b'{"command":"summary"}', START + 299) is first
    assert miner.reply(b'{"command":"summary"}', START + 301) != first
    for_ever = make("M30S+", static=True)
    assert for_ever.reply(b'{"command":"summary"}', START) is for_ever.reply(
        b'{"command":"summary"}', START + 1e6
    )
