"""Latencies of the page, measured in the browser: from moving a slider to points and the whole picture on the screen.

    python benchmarks/page_latency.py [MOVES]

A mean-field run of 256 particles, once warm; every move is made when the run before is done. `performance.mark` of the
page is read: `input` in the slider's event, `points` and `picture` after the frame that shows them was painted.
Needs chromium with its driver and the extra `dev`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import numpy as np

CALM = 1.0  # seconds between moves
_MOVE = """
const [place, told] = arguments;
const marks = () => performance.getEntriesByType('mark').map(({ name, startTime }) => [name, startTime]);
performance.clearMarks();
document.addEventListener('done', () => setTimeout(() => told(marks()), 50), { once: true });
const slider = document.querySelector('[data-slider="dynamics.epsilon"]');
slider.value = place;
slider.dispatchEvent(new Event('input', { bubbles: true }));
"""


def main(moves: int) -> None:
    from selenium import webdriver

    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "saddlescope", "explore", "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = server.stdout.readline().split(": ", 1)[1].strip()
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1300,1500",
    ):
        options.add_argument(word)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or ""))
    try:
        driver.get(f"{address}#/single_index/start")
        times: dict[str, list[float]] = {"points": [], "picture": [], "done": []}
        for move in range(-5, moves):
            # the run before has to be over, its prediction, too
            while not driver.execute_script("return window.saddlescope?.page.setup && !saddlescope.page.running"):
                time.sleep(0.02)
            time.sleep(CALM)
            marks = driver.execute_async_script(_MOVE, 380 + 7 * (move % 20))
            first = dict(reversed(marks))  # of each name the earliest
            if move >= 0:
                for name, kept in times.items():
                    kept.append(first[name] - first["input"])
        print("| from moving a slider to ... | target, ms | median, ms | 95 %, ms |\n|---|---|---|---|")
        for name, words, target in (
            ("points", "first points painted", "50"),
            ("picture", "whole ladder painted", "150"),
            ("done", "prediction, table and state there", "–"),
        ):
            middle, late = np.quantile(times[name], (0.5, 0.95))
            print(f"| {words} | {target} | {middle:.0f} | {late:.0f} |")
    finally:
        driver.quit()
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
