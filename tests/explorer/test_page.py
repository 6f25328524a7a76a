"""The page in a browser: what a user does with it, and what the page then shows."""

import json
import time

import numpy as np
import pytest

QUICK = "dynamics.particles=64&dynamics.epsilon=1e-4&dynamics.until=1&theory.levels=1"
LADDER = f"#/single_index/start?problem.link=%5B1%2C-1%5D&problem.activation=%5B1%2C1%5D&{QUICK}"
FAST = {
    "single_index": LADDER,
    "network": LADDER.replace("single_index", "network").replace("dynamics.particles=64&", "")
    + "&run.0.kind=network&run.0.name=net&run.2.kind=network&run.2.step_size=&run.2.batch_size=&dynamics.neurons=4",
    "deep_linear": "#/deep_linear/start?problem.matrix=%5B%5B2%2C0%5D%2C%5B0%2C1%5D%5D&network.width=4"
    "&dynamics.until=4",
    "diagonal_linear": "#/diagonal_linear/start?problem.examples=6&problem.dimension=8&problem.coefficients=%5B1%5D",
}


@pytest.mark.parametrize("family", FAST)
def test_every_tab_shows_a_picture_a_table_and_a_state_without_an_error(page, family):
    page.open(FAST[family])
    assert page.errors() == []
    assert "refused" not in page.text("#said")
    assert page.run("return document.querySelectorAll('#plot-main canvas').length") == 1
    assert page.run("return document.querySelectorAll('#comparison tbody tr').length") >= 2
    assert not page.run("return document.querySelector('.state').hidden")
    # something is drawn: not all pixels of the picture are alike
    assert (
        page.run(
            "const c = document.querySelector('#plot-main canvas');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "return new Set(Array.from(new Uint32Array(d.buffer))).size"
        )
        > 5
    )
    words = page.run("return document.querySelector('#plot-main').getAttribute('aria-label')")
    assert "goes from" in words


@pytest.mark.parametrize("family", FAST)
def test_every_tab_shows_what_it_starts_from(page, family):
    page.open(f"#/{family}/start")
    assert page.errors() == []
    assert page.run("return document.querySelectorAll('#said .wrong').length") == 0
    assert page.run("return document.querySelectorAll('#comparison tbody tr').length") >= 2


def test_a_result_that_the_command_line_named_is_shown(page, serve, tmp_path):
    import saddlescope as ss

    problem = ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0])
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-4, particles=64), until=1.0)
    run.save(tmp_path / "mine.nc")
    page.server = serve("mine.nc", folder=tmp_path)
    page.open()
    assert page.text("#tabs [aria-selected=true]") == "mine.nc"
    assert page.run("return saddlescope.page.show.picture.main.layers.map(l => l.name)") == ["degree 1", "degree 0"]
    shown = page.run("const p = saddlescope.page.show.picture; return [p.time, p.main.total]")
    own = (run.time > shown[0][0]) & (run.time < shown[0][-1])  # among its times, all of the run's
    assert np.allclose(np.interp(run.time[own], shown[0], shown[1]), run["risk"][own], atol=1e-3)
    assert "1.0000" in page.text("#comparison")  # ratio of a measured to its predicted time
    assert not page.run("return document.querySelector('.state').hidden")
    assert page.errors() == []


def test_the_server_ends_when_its_page_has_been_closed_for_a_while(page, serve):
    one = page.server = serve(first="import saddlescope.explorer.opening as o; o._CLOSED = 1.0")
    page.open("#/lessons", wait=False)
    page.until("document.querySelectorAll('.lesson').length === 5")
    time.sleep(2.0)
    assert one.process.poll() is None
    page.driver.get("about:blank")
    one.process.wait(timeout=30)
    said, errors = one.stop()
    assert one.process.returncode == 0
    assert "The page was closed." in said
    assert errors == ""


def test_the_layers_of_the_ladder_are_the_risk_by_degree(page):
    page.open(LADDER)
    assert page.run("return saddlescope.page.show.picture.main.layers.map(l => l.name)") == ["degree 1", "degree 0"]
    total = page.run("return saddlescope.page.show.picture.main.total")
    assert total[0] == pytest.approx(1.0, abs=0.05)  # (1 + 1) / 2
    assert abs(total[-1]) < 1e-6
    marks = page.run("return saddlescope.page.show.predicted.marks.map(m => m.time)")
    # degree 0 is learnt at epsilon log 2
    assert marks[0] == pytest.approx(1e-4 * 0.6931, rel=0.01)


def test_a_slider_moves_the_curve_and_the_address(page):
    page.open(LADDER)
    before = page.run("return saddlescope.page.show.predicted.marks[1].time")
    page.slide("dynamics.epsilon", 500)  # 1e-7
    marks = "(saddlescope.page.show.predicted || {marks: []}).marks"
    page.until(f"{marks}.length > 1 && {marks}[1].time !== {before}")
    page.until("!saddlescope.page.running && !saddlescope.page.next")
    after = page.run("return saddlescope.page.show.predicted.marks[1].time")
    # degree 1 is learnt at a time that goes like epsilon^(1/2), a little slower at the larger one
    assert 0.5 < before / after / (1e-4 / 1e-7) ** 0.5 < 1.0
    page.until("location.hash.includes('dynamics.epsilon=1e-7')")
    assert "epsilon 1e-07" in page.text("#comparison")


def test_a_newer_move_takes_the_place_of_the_older_run(page):
    page.open(LADDER)
    page.run(
        "saddlescope.page.form.spec.dynamics.particles = 'auto'; saddlescope.page.form.spec.dynamics.epsilon = 1e-9;"
    )
    for place in (500, 560, 620, 640, 650, 660):
        page.slide("dynamics.epsilon", place)
    page.until("!saddlescope.page.running && !saddlescope.page.next")
    assert page.errors() == []
    epsilon = page.run("return saddlescope.page.form.spec.dynamics.epsilon")
    assert f"epsilon {epsilon:g}" in page.text("#comparison")


def test_a_long_run_shows_how_far_it_is_and_can_be_stopped(page):
    page.open("#/network/start?run.2.step_size=1e-6&dynamics.until=5", wait=False)
    page.until("document.querySelector('#stop')")
    page.run("document.querySelector('#stop').click()")
    page.until("document.querySelector('#said').innerText.includes('Stopped')")
    page.open(LADDER)  # and the solver is there for the next run
    assert "Predicted beside measured" in page.text("#comparison")


def test_what_cannot_be_run_is_refused_in_a_sentence(page):
    page.open(f"{LADDER}&problem.activation=%22nonsense%22")
    assert "nonsense" in page.text("#said .wrong")
    page.open(f"{LADDER}&dynamics.particles=100000000")
    assert "at most 4096" in page.text("#said .wrong")


def test_zoom_axes_and_the_cursor_obey_the_keyboard(page):
    page.open(LADDER)
    keys = pytest.importorskip("selenium.webdriver").Keys
    plot = page.driver.find_element("id", "plot-main")
    plot.send_keys("+")
    page.until("saddlescope.page.show.view.range !== null")
    low, high = page.run("return saddlescope.page.show.view.range")
    # both plots have one axis
    assert page.run("return saddlescope.page.show.below.plot.scales.x.min") == pytest.approx(low)
    plot.send_keys(keys.ARROW_RIGHT)
    assert "t = " in page.text("#read")
    plot.send_keys("0")
    page.until("saddlescope.page.show.view.range === null")
    assert page.run("return saddlescope.page.show.main.plot.scales.x.max") > high
    button = page.driver.find_element("css selector", "[data-name=log-values]")
    button.send_keys(keys.ENTER)
    assert page.run("return saddlescope.page.show.main.plot.scales.y.distr") == 3
    # along the tabs and into one, by arrows
    page.driver.find_element("id", "tab-single_index").send_keys(keys.ARROW_LEFT)
    assert page.run("return document.activeElement.id") == "tab-lessons"
    page.driver.switch_to.active_element.send_keys(keys.ENTER)
    page.until("!document.querySelector('#lessons').hidden")
    assert page.errors() == []


def test_a_log_axis_may_begin_anywhere(page):
    page.open(LADDER)
    for low in (9.7e-6, 9.9999e-5, 1e-6, 3.3e-7):
        page.run("saddlescope.page.show.main.plot.setScale('x', {min: arguments[0], max: 0.5})", low)
        page.until("saddlescope.page.show.main.plot.scales.x.min > 0")
        time.sleep(0.1)
    assert page.errors() == []


def test_the_state_is_scrubbed_and_the_address_repeats_what_is_shown(page):
    page.open(LADDER)
    last = page.text(".state output")
    page.run(
        "const s = document.querySelector('.scrub input'); s.value = 20;"
        "s.dispatchEvent(new Event('input', {bubbles: true}));"
        "document.querySelector('[data-name=log-time]').click()"
    )
    told = page.text(".state output")
    assert told != last
    address = page.until("location.hash.includes('view.now') && location.hash.includes('log-time=0') && location.hash")
    page.open(address)
    assert page.text(".state output") == told
    assert page.run("return saddlescope.page.show.main.told.logTime") is False


def test_the_numbers_of_a_picture_are_there_as_a_table(page):
    page.open(LADDER)
    page.run("document.querySelector('details.data summary').click()")
    page.until("document.querySelectorAll('details.data tbody tr').length > 50")
    heads = page.run(
        "return [...document.querySelectorAll('details.data')[0].querySelectorAll('th')].map(h => h.innerText)"
    )
    assert heads == ["time t", "excess risk", "degree 1", "degree 0", "predicted"]


def test_a_phone_shows_everything_in_one_column(page):
    page.driver.set_window_size(500, 900)
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.open(LADDER)
        assert page.run("return innerWidth") == 400
        assert page.run("return document.documentElement.scrollWidth") <= 400
        assert 300 < page.run("return document.querySelector('#plot-main .u-wrap').clientWidth") <= 400
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert page.errors() == []


def test_the_dark_is_drawn_in_other_inks(page):
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        page.open(LADDER)
        assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 29)"
        assert page.run("return saddlescope.page.show.main.plot.series.at(-2).stroke()") == "#eceff1"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_dropped_log_shows_its_plateaus_and_is_dragged_beside_a_run(page):
    page.open(LADDER)
    page.run("document.querySelector('#tab-curve').click()")
    page.until("saddlescope.page.curve.told")
    assert "log.csv" in page.text("#shown .plot-title")  # the one that the command line named
    rows = "".join(
        f"{k},{3.0 / (1 + (k / 40) ** 8) + 1.0 / (1 + (k / 3000) ** 8) + 0.05}\n"
        for k in [*range(1, 300), *range(300, 60_000, 50)]
    )
    page.run(
        "const t = new DataTransfer(); t.items.add(new File([arguments[0]], 'dropped.csv'));"
        "document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: t, bubbles: true}))",
        "iteration,loss\n" + rows,
    )
    page.until("saddlescope.page.curve.told?.name === 'dropped.csv'")
    told = page.run("return saddlescope.page.curve.told")
    assert [p["height"] for p in told["plateaus"]] == pytest.approx([4.05, 1.05, 0.05], rel=0.05)
    page.until("document.querySelector('[aria-label=\"Beside the run\"] table')")
    before = page.run("return saddlescope.page.curve.drawn.plot.data[2].indexOf(null)")
    page.slide("factor", -300)
    assert page.run("return saddlescope.page.curve.factor < saddlescope.page.curve.fit")
    assert page.run("return saddlescope.page.curve.drawn.plot.data[2].indexOf(null)") != before
    assert page.errors() == []


def test_a_log_that_is_none_is_refused_in_a_sentence(page):
    page.open("#/curve", wait=False)
    page.until("document.querySelector('#drop')")
    page.run(
        "const t = new DataTransfer(); t.items.add(new File(['no curve at all'], 'odd.bin'));"
        "document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: t, bubbles: true}))"
    )
    page.until("document.querySelector('#said .wrong')")
    assert "odd.bin" in page.text("#said")


def downloaded(page, name):
    end = time.monotonic() + 60
    path = page.driver.downloads / name
    while time.monotonic() < end:
        if path.exists() and path.stat().st_size:
            return path
        time.sleep(0.05)
    raise AssertionError(f"{name} was not saved; the page says {page.text('#said')!r}")


def test_files_are_saved_and_open(page, tmp_path):
    import tomllib
    import xml.etree.ElementTree

    from saddlescope.specs import read
    from saddlescope.trajectory import load

    page.open(LADDER)
    for what, name in (
        ("toml", "spec.toml"),
        ("sweep", "sweep.toml"),
        ("png", "ladder.png"),
        ("svg", "ladder.svg"),
        ("netcdf", "trajectory.nc"),
        ("html", "saddlescope.html"),
    ):
        # the browser's own click: it saves some kinds of files only for who has clicked
        page.driver.find_element("css selector", f"[data-export={what}]").click()
        downloaded(page, name)
    assert read(str(downloaded(page, "spec.toml"))).dynamics.epsilon == 1e-4
    assert tomllib.loads(downloaded(page, "sweep.toml").read_text())["sweep"]["axes"]["dynamics.epsilon"][0] == 1e-14
    # a browser without a window saves no scripts; the code is on the page, too
    page.driver.find_element("css selector", "[data-export=python]").click()
    page.until("document.querySelector('#left pre')?.innerText.includes('import')")
    compile(page.text("#left pre"), "run.py", "exec")
    assert downloaded(page, "ladder.png").read_bytes().startswith(b"\x89PNG")
    xml.etree.ElementTree.parse(downloaded(page, "ladder.svg"))
    assert load(downloaded(page, "trajectory.nc")).parameters["epsilon"] == 1e-4
    file = downloaded(page, "saddlescope.html")
    assert page.errors() == []
    assert "MeanFieldFlow" in page.text("#left pre")
    # from disk, without a server
    page.driver.get(file.as_uri())
    assert page.errors() == []
    assert page.run("return document.querySelectorAll('#plot-main canvas').length") == 1
    assert "learnt at" in page.text("#comparison")
    assert not page.run("return performance.getEntriesByType('resource').length")


def test_a_server_that_stops_is_told_and_one_that_comes_back_is_used(page, serve):
    one = serve()
    page.server = one
    page.open(LADDER, wait=False)
    page.until("window.saddlescope?.page.running")
    page.until("document.querySelector('#offline').hidden")
    one.stop()
    page.until("!document.querySelector('#offline').hidden")
    page.driver.get_log("browser")  # it says that the server is gone
    again = serve("--port", one.port)
    assert again.address == one.address
    page.until("document.querySelector('#offline').hidden", 20)
    page.until("saddlescope.page.running")  # what was shown is run again
    again.stop()


def test_lessons_open_their_states(page):
    page.open("#/lessons", wait=False)
    page.until("document.querySelectorAll('.lesson').length === 5")
    page.run("document.querySelector('[data-lesson=saddle-to-saddle]').click()")
    assert "singular values 4, 2 and 1" in page.text("#lesson")
    page.until("saddlescope.page.form?.spec.network.depth === 3")
    assert json.loads(page.run("return JSON.stringify(saddlescope.page.form.spec.problem)"))["kind"] == "target"
