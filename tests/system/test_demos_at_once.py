"""Two demos that start at the same moment: each gets ports, addresses and a folder of its own, and both come up."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DEMOS = 2

TARGETS = """
containers:
  - name: Container 1
    miners:
      - {name: a1, address: 127.78.1.1, web_port: 8078, manufacturer: AntMiner, model: S19 Pro}
"""


@pytest.mark.usefixtures("prometheus", "alertmanager")
def test_both_come_up(tmp_path: Path) -> None:
    targets = tmp_path / "targets.yml"
    targets.write_text(TARGETS, encoding="utf-8")
    typed = [
        sys.executable,
        "-m",
        "tools",
        "demo",
        "--no-past",
        "--targets",
        targets,
        "--folder",
        tmp_path / "demo",
    ]
    running = [
        subprocess.Popen(typed, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(DEMOS)
    ]
    screens = ["" for _ in running]
    try:
        for place, process in enumerate(running):
            assert process.stdout is not None
            for line in process.stdout:
                screens[place] += line
                if "Ctrl-C ends everything" in line:
                    break
    finally:
        for process in running:
            process.terminate()
        for place, process in enumerate(running):
            screens[place] += process.communicate(timeout=90)[0]
    for screen in screens:
        assert "controller is ready" in screen, screen
    addresses = [set(re.findall(r"http://([\d.:]+)/", screen)) for screen in screens]
    assert not addresses[0] & addresses[1], screens
