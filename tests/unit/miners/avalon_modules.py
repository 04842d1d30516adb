"""Module texts as each family of Avalon writes them, and the replies around them: written for the tests, none captured."""

from typing import Any

from miners.link import Object


def stats(*texts: str, first: int = 0, **more: Any) -> Object:
    named = {f"MM ID{number}": text for number, text in enumerate(texts, first)}
    return {
        "STATUS": [{"STATUS": "S", "When": 5000}],
        "STATS": [{"STATS": 0, "ID": "AVA100", **named, **more}],
    }


def summary(**more: Any) -> Object:
    base = {"Elapsed": 4900, "Accepted": 40, "Rejected": 2, "Stale": 1, "Hardware Errors": 7}
    return {"STATUS": [{"STATUS": "S", "When": 5000}], "SUMMARY": [{**base, **more}]}


A741 = (
    "Ver[7411706-3162860] DNA[0131aa5c6e7f8091] Elapsed[4890] MW[1200 1201 1198 1204] LW[4803] MH[2 0 5 1] HW[8] "
    "DH[0.410%] Temp[31] TMax[91] Fan[4080] FanR[62%] Vi[1205 1206 1204 1205] Vo[4421 4433 4430 4418] "
    "GHSmm[7325.40] WU[101200.11] Freq[641.30] PG[15] Led[0] MW0[9 9 8] TA[88] ECHU[0 512 0 0] ECMM[0] FM[1] "
    "CRC[0 0 0 0] PVT_T[21-76/0-92/81 1-71/10-90/80 21-73/0-91/82 2-70/10-88/79]"
)
A851 = (
    "Ver[8511803-c0ffee1] DNA[0132bb5c6e7f8092] Elapsed[4890] MW[700 700 700 700] LW[2800] MH[0 0 0 0] HW[0] "
    "Temp[27] TMax[84] Fan[5100] FanR[71%] Vi[1203 1202 1204 1205] Vo[4000 4000 4001 4002] GHSmm[14612.10] "
    "WU[198000.00] Freq[700.00] PG[15] Led[0] TA[104] ECHU[1 1 1 1] ECMM[0] FM[1] CRC[0 0 0 0]"
)
A1047 = (
    "Ver[1047-37-20032101_5a4e3ea_6f5c7c0] DNA[0201000011112222] MEMFREE[1229920.0] NETFAIL[0 0 0 0 0 0 0 0] "
    "Elapsed[90500] BOOTBY[0x04.00000000] LW[9912345] MH[410 388] HW[798] DH[1.113%] Temp[29] TMax[83] TAvg[74] "
    "Fan1[4890] Fan2[4920] FanR[61%] Vo[312] PS[0 1205 1240 181 2244 1242] PLL0[1 2 3 4] GHSmm[38120.50] "
    "GHSavg[36990.25] WU[516700.00] Freq[601.00] Led[0] MGHS[18500.00 18490.25] MTmax[83 81] MTavg[75 73] TA[240] "
    "PING[31] ECHU[0 0] ECMM[0] CRC[0 0]"
)
A1166_PRO = (
    "Ver[1166Pro-S-81-21042601_4ec6bb0_61407fa] DNA[0201000033334444] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] "
    "Elapsed[7200] MH[9 8 7] HW[24] Temp[33] TMax[82] TAvg[70] Fan1[6010] Fan2[6020] Fan3[5990] Fan4[6000] "
    "FanR[88%] PS[0 1208 1331 249 3321 1333] GHSspd[80110.10] GHSmm[81990.00] GHSavg[79988.00] Freq[490.10] "
    "MGHS[26600.00 26700.00 26688.00] MTmax[82 81 80] MTavg[71 70 69] TA[360] SoftOFF[0] ECHU[0 0 0] ECMM[0] "
    "WORKMODE[0]"
)
A1366 = (
    "Ver[1366-130-23071901_22c7f41] DNA[0201000055556666] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[3600] "
    "MH[3 2 1] HW[6] Temp[-273] ITemp[24] TMax[79] TAvg[68] Fan1[4100] Fan2[4110] Fan3[4120] Fan4[4130] FanR[55%] "
    "PS[0 1212 1290 250 3225 1291 3391] GHSspd[129.5e3] GHSmm[131000.00] GHSavg[128000.00] Freq[520.00] "
    "MGHS[43000.00 42500.00 42500.00] MTmax[79 78 77] MTavg[69 68 67] TA[342] SoftOFF[0] ECHU[0 0 0] ECMM[0] "
    "WORKMODE[1] WORKLEVEL[2] MPO[3400]"
)
A15 = (
    "Ver[15-194-24102301_14f4a2d] DNA[0201000077778888] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[600] "
    "MH[0 0 0] HW[0] ITemp[21] HBITemp[30 31 32] HBOTemp[55 56 57] TMax[74] TAvg[63] Fan1[3300] Fan2[3310] "
    "FanR[41%] PS[0 1215 1402 0 0 1403 0] WALLPOWER[3622] GHSspd[193100.00] GHSmm[195000.00] GHSavg[192500.00] "
    "Freq[610.00] MGHS[64000.00 64250.00 64250.00] MTmax[74 73 72] MTavg[64 63 62] TA[480] SoftOFF[0] ECHU[0 0 0] "
    "ECMM[0] WORKMODE[2] WORKLEVEL[0] MPO[3700]"
)
NANO_3S = (
    "Ver[Nano3s-25021401_56abae7] LVer[25021401_56abae7] BVer[25021401_56abae7] FW[Release] DNA[020100009999aaaa] "
    "STATE[1] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[1000] MH[0] DHW[0] HW[0] DH[1.800%] ITemp[-273] "
    "HBITemp[-273] HBOTemp[-273] TMax[92] TAvg[86] TarT[90] Fan1[1320] FanR[33%] FanErr[0] PS[0 0 27700 4 0 3600 134] "
    "GHSspd[6210.55] GHSmm[6480.00] GHSavg[6190.00] Freq[480.00] MGHS[6190.00] TA[12] SoftOFF[0] ECHU[0] ECMM[0] "
    "WORKMODE[1] WORKLEVEL[0] MPO[140] Nonce Mask[25]"
)


def chips(*degrees: int) -> str:
    return "".join(f"{figure:3d} " for figure in degrees).rstrip()


def nested(**values: str) -> Object:
    text = NANO_3S.replace("Nano3s", "Q")
    for key, value in values.items():
        before, _, rest = text.partition(f" {key}[")
        text = f"{before} {key}[{value}]{rest.partition(']')[2]}"
    return {
        "STATS": [
            {
                "ID": "AVALON0",
                "HBinfo": "'HB0':{PVT_T0[" + chips(60, 62, 64, 0) + "] PVT_V0[280 281 282 283]}",
                "MM ID0:Summary": "'STATS':{" + text + "}",
            }
        ]
    }
