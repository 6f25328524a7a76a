"""What is around the command line: signals at any moment, pipes, full devices, locales, homes, narrow terminals."""

import os
import signal
import subprocess
import sys
import tomllib

import pytest

from saddlescope.cli import main
from saddlescope.plot.parts.canvas import new_axes, save
from saddlescope.specs import shipped

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")

# raises a signal in the process itself, as soon as a module is about to be imported
AT_IMPORT = """
import signal, sys

class At:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.{number})

from saddlescope.cli import main
sys.meta_path.insert(0, At())
sys.exit(main(["run", "canonical", "--out", "o"]))
"""


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("cyclopts", "SIGINT"),
        ("pydantic", "SIGTERM"),
        ("jax", "SIGINT"),
        ("jax._src.numpy", "SIGINT"),
        ("scipy.special", "SIGTERM"),
        ("matplotlib.figure", "SIGINT"),  # in another thread than that which is told of signals
    ],
)
def test_a_signal_while_libraries_are_loaded_is_one_sentence(module, number, tmp_path):
    code = AT_IMPORT.format(module=module, number=number)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == "saddlescope: Stopped by the user; nothing was written.\n"
    assert (done.returncode, done.stdout) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_a_background_run_that_ignores_interrupts_goes_on_ignoring_them():
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nfrom saddlescope.cli.signals import translated\n"
        "with translated():\n    signal.raise_signal(signal.SIGINT)\n    print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "alive\n", done.stderr


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook
    assert main(["specs"]) == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook) == before


@pytest.mark.parametrize("words", [["specs"], ["settings"], ["specs", "canonical"]])
def test_a_reader_that_leaves_is_no_fault(words):
    run = [sys.executable, "-m", "saddlescope", *words]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (0, "")


def test_the_table_of_a_run_may_be_cut_by_a_pipe(small, tmp_path):
    run = [sys.executable, "-m", "saddlescope", "run", "canonical", "--out", "o", *small]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(timeout=120), process.stderr.read()) == (0, "")
    assert (tmp_path / "o" / "trajectory.nc").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_device_for_output_is_a_sentence():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "saddlescope", "specs"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith("saddlescope: The output could not be")
    assert done.stderr.count("\n") == 1


def test_a_home_that_cannot_be_written_and_a_locale_without_letters(small, tmp_path):
    bare = {"PATH": os.environ["PATH"], "HOME": "/proc/none", "LC_ALL": "C"}
    bare |= {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "saddlescope", "run", "canonical", "--out", "o", *small],
        cwd=tmp_path,
        env=bare | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        start_new_session=True,  # no terminal
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "/proc/none/.cache/saddlescope cannot be written" in done.stderr
    assert (tmp_path / "o" / "ladder.png").is_file()


def test_numbers_wrap_in_a_narrow_terminal(small, tmp_path, capsys, monkeypatch):
    printed = []
    for columns in ("100", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["run", "canonical", "--out", str(tmp_path / "o"), *small]) == 0
        printed.append(capsys.readouterr().out)
    wide, narrow = printed
    assert "…" not in narrow
    assert all(len(line) <= 40 or line.startswith("Wrote") for line in narrow.splitlines())
    # nothing is lost: the same letters, wherever they stand
    count = [sum(map(text.count, "0123456789")) for text in (wide, narrow)]
    assert count[0] == count[1]


def spec(tmp_path, text):
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_specs_that_no_parser_likes_are_refused(tmp_path, capsys):
    refused = {
        "nested too deeply": spec(tmp_path, "x = " + "[" * 900 + "]" * 900),
        "not a regular file": "/dev/zero",
        "name too long": "a" * 300,
    }
    for part, name in refused.items():
        assert main(["run", name]) == 2
        assert part in capsys.readouterr().err
    assert main(["run", spec(tmp_path, "x = " + "1" * 5000)]) == 2
    assert "too many digits" in capsys.readouterr().err
    assert main(["run", spec(tmp_path, "#" * 2_000_000)]) == 2
    assert "2000000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--problem.link", "[1, 1" + "0" * 400 + "]"], ["`problem.link`", "fit into a float"]),
        (["--problem.link", "[1, 1" + "0" * 5000 + "]"], ["--problem.link", "too many digits"]),
        (["--dynamics.second_layer.low", "[" * 900], ["--dynamics.second_layer.low", "nested"]),
        (["--dynamics.until", "5e-324"], ["`dynamics.until`", "2.23e-308"]),
        (["--dynamics.epsilon", "1e-310"], ["`dynamics.epsilon`"]),
        (["--dynamics.particles", "100000"], ["`dynamics.particles`", "16384"]),
        (["--problem.link", "rleu"], ["`problem.link`", "did you mean 'relu'"]),
        (["--title", "a\x1b[2Jb"], ["`title`"]),
        (["--problem.link", "[" + "1, " * 5000 + "'x']"], ["`problem.link`"]),
        (["--" + "a" * 300, "1"], ["no setting"]),
        (["--out", "a" * 300], ["name too long"]),
        (["--out", "a\x1b[2Jb"], ["do not print"]),
    ],
)
def test_refusals_are_short_and_name_what_was_typed(words, parts, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "canonical", *words]) == 2
    err = capsys.readouterr().err
    for part in parts:
        assert part.lower() in err.lower()
    assert err.count("\n") == 1
    assert len(err) < 300
    assert err.rstrip("\n").isprintable()


def test_the_size_of_a_start_is_blamed_on_what_makes_it(capsys):
    assert main(["run", "saddle_to_saddle", "--network.scale", "1e300"]) == 2
    assert "`network.scale`" in capsys.readouterr().err
    assert main(["run", "saddle_to_saddle", "--network.gamma", "300"]) == 2
    assert "`network.gamma`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("title", "formula"),
    [("$x^{bad$", False), (r"\frac of $\frac$", False), ("price: 5$ or 6", False), (r"$\epsilon$ falls", True)],
)
def test_a_title_that_is_no_formula_is_shown_as_it_is(title, formula, tmp_path):
    ax = new_axes()
    ax.plot([1, 2], [3, 4], label=title)
    legend = ax.legend()
    ax.set_title(title)
    assert save(ax, tmp_path / "picture.png").stat().st_size > 0
    for text in (ax.title, *legend.get_texts()):
        # an odd number of dollar signs is no formula to matplotlib itself
        assert (text.get_parse_math() and title.count("$") == 2) is formula


def test_shipped_titles_print_everywhere():
    for text in shipped().values():
        assert tomllib.loads(text)["title"].isprintable()
