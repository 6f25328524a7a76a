"""Every bad input: one sentence on stderr, exit code 2, nothing computed, written or overwritten."""

import os

import pytest

from saddlescope.cli import main
from saddlescope.specs import shipped

CANONICAL = shipped()["canonical"]
SADDLES = "saddle_to_saddle"
DEEP = shipped()[SADDLES]
REGIMES = shipped()["three_regimes"]


def ratings(file="ratings.csv", more=""):
    """A spec of a ratings table."""
    problem = f'[problem]\nkind = "ratings"\nfile = "{file}"\n{more}\n'
    return 'family = "deep_linear"\n' + problem + "[network]\ndepth = 3\nwidth = 8\ngamma = 2.0\n"


def target(matrix):
    """A spec of least squares to a matrix."""
    problem = f'[problem]\nkind = "target"\nmatrix = {matrix}\n'
    return 'family = "deep_linear"\n' + problem + "[network]\ndepth = 3\nwidth = 8\ngamma = 2.0\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, words, *parts):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("saddlescope: ")
    assert err.rstrip().endswith((".", "?"))
    for part in parts:
        assert part in err
    return err


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["run"], ["SPEC", "requires an argument"]),
        (["rum", "canonical"], ['Did you mean "run"']),
        (["run", "cannonical"], ["no shipped spec", "did you mean `canonical`"]),
        (["run", "no/such/file.toml"], ["no/such/file.toml"]),
        (["run", "canonical", "extra"], ["'extra'", "--table.key value"]),
        (["run", "canonical", "--dynamics.epsilom", "1"], ["did you mean `--dynamics.epsilon`"]),
        (["run", "canonical", "--epsilon", "1"], ["did you mean `--dynamics.epsilon`"]),
        (["run", "canonical", "--ou", "x"], ["did you mean `--out`"]),
        (["run", "canonical", "--dynamics", "1"], ["--dynamics"]),
        (["run", "canonical", "--dynamics.epsilon", "-1"], ["`dynamics.epsilon`", "positive", "-1"]),
        (["run", "canonical", "--dynamics.epsilon", "0"], ["`dynamics.epsilon`", "positive"]),
        (["run", "canonical", "--dynamics.epsilon", "nan"], ["`dynamics.epsilon`", "nan"]),
        (["run", "canonical", "--dynamics.epsilon", "inf"], ["`dynamics.epsilon`", "finite"]),
        (["run", "canonical", "--dynamics.epsilon", "1" + "0" * 400], ["`dynamics.epsilon`", "float"]),
        (["run", "canonical", "--dynamics.epsilon", "small"], ["`dynamics.epsilon`", "'small'"]),
        (["run", "canonical", "--dynamics.epsilon", "true"], ["`dynamics.epsilon`", "True"]),
        (["run", "canonical", "--dynamics.epsilon", "2020-01-01"], ["`dynamics.epsilon`"]),
        (["run", "canonical", "--dynamics.until", "[]"], ["`dynamics.until`"]),
        (["run", "canonical", "--dynamics.kind", "sgd"], ["`dynamics.kind`", "'mean_field'", "'sgd'"]),
        (["run", "canonical", "--dynamics.particles", "0"], ["`dynamics.particles`", '"auto"']),
        (["run", "canonical", "--dynamics.particles", "1.5"], ["`dynamics.particles`"]),
        (
            ["run", "canonical", "--dynamics.neurons", "9", "--dynamics.particles", "9"],
            ["`dynamics.neurons`"],
        ),
        (["run", "canonical", "--dynamics.seed", "-1"], ["`dynamics.seed`"]),
        (["run", "canonical", "--dynamics.tolerance", "2"], ["`dynamics.tolerance`", "between 0 and 1"]),
        (["run", "canonical", "--dynamics.second_layer", "unifrom"], ["did you mean 'uniform'"]),
        (["run", "canonical", "--dynamics.second_layer.hihg", "2"], ["did you mean 'high'"]),
        (["run", "canonical", "--dynamics.second_layer.high", "-9"], ["high"]),
        (["run", "canonical", "--dynamics.second_layer", "3"], ["`dynamics.second_layer`", "table"]),
        (["run", "canonical", "--problem.link", "[]"], ["`problem.link`"]),
        (["run", "canonical", "--problem.link", "[1, 'x']"], ["`problem.link`"]),
        (["run", "canonical", "--problem.link", "rleu"], ["`problem.link`", "did you mean 'relu'"]),
        (["run", "canonical", "--problem.activation", "[true]"], ["`problem.activation`"]),
        (["run", "canonical", "--problem.activation", "3"], ["`problem.activation`"]),
        (["run", "canonical", "--solver.rtol", "0"], ["`solver.rtol`"]),
        (["run", "canonical", "--solver.states", "1"], ["`solver.states`", "at least 2"]),
        (
            ["run", "canonical", "--solver.stop_when_still", "1"],
            ["`solver.stop_when_still`", "true or false"],
        ),
        (["run", "canonical", "--theory.levels", "-1"], ["`theory.levels`"]),
        (["run", "canonical", "--theory.fraction", "1"], ["`theory.fraction`"]),
        (["run", "canonical", "--picture.scale", "lin"], ["`picture.scale`", "'linear'", "'log'"]),
        (["specs", "cannonical"], ["did you mean `canonical`"]),
        (["settings", "all"], ["no family 'all'", "deep_linear"]),
        (["settings", "deep_liner"], ["did you mean `deep_linear`"]),
        (["run", "canonical", "--family", "deep_linaer"], ["did you mean `deep_linear`"]),
        (["run", "canonical", "--network.depth", "3"], ["`--network.depth`", "'deep_linear'"]),
        (["run", SADDLES, "--network.depht", "3"], ["did you mean `--network.depth`"]),
        (["run", SADDLES, "--dynamics.untill", "3"], ["did you mean `--dynamics.until`"]),
        (["run", SADDLES, "--network.depth", "0"], ["`network.depth`", "at least 1", "0"]),
        (["run", SADDLES, "--network.width", "0"], ["`network.width`", "at least 1", "0"]),
        (["run", SADDLES, "--network.width", "2.5"], ["`network.width`"]),
        (["run", SADDLES, "--network.gamma", "steep"], ["`network.gamma`", "'steep'"]),
        (["run", SADDLES, "--network.gamma", "inf"], ["`network.gamma`", "finite"]),
        (["run", SADDLES, "--network.gamma", "300"], ["`network.gamma`", "1e-301"]),
        (["run", SADDLES, "--network.scale", "0"], ["`network.scale`", "positive"]),
        (["run", SADDLES, "--network.scale", "1e-200"], ["`network.scale`", "1e-202"]),
        (["run", SADDLES, "--network.seed", "-1"], ["`network.seed`"]),
        (["run", SADDLES, "--dynamics.until", "0"], ["`dynamics.until`", '"auto"']),
        (["run", SADDLES, "--problem.kind", "complete"], ["`problem.kind`", "'completion'", "'digits'"]),
        (["run", SADDLES, "--problem.observed", "0"], ["`problem.observed`", "at least 1"]),
        (["run", SADDLES, "--problem.observed", "100"], ["`problem.observed`", "from 1 to 99"]),
        (["run", SADDLES, "--problem.observed", "half"], ["`problem.observed`", "'half'"]),
        (["run", SADDLES, "--problem.singular_values", "6,-1"], ["`problem.singular_values`", "positive"]),
        (["run", SADDLES, "--problem.size", "2"], ["`problem.singular_values`", "at most 2"]),
        (["run", SADDLES, "--solver.learnt", "1"], ["`solver.learnt`"]),
        (["run", SADDLES, "--picture.time", "sqrt"], ["`picture.time`", "'linear'"]),
        (["run", SADDLES, "--theory.max_rank", "0"], ["`theory.max_rank`"]),
        (["run", "three_regimes", "--compare.gamma", "1"], ["list of tables", "spec file"]),
        (["run", "distances", "--network.depth", "1"], ["`network.depth`", "at least 2"]),
        (["run", "distances", "--grid.widths", "8"], ["`grid.widths`", "two widths"]),
        (["run", "distances", "--grid.widths", "8,8"], ["`grid.widths`", "rise"]),
        (["run", "distances", "--grid.widths", "2,8"], ["`grid.widths`", "rank 4"]),
        (["run", "distances", "--grid.gammas", "1,2,1"], ["`grid.gammas`", "differ from each other"]),
        (["run", "distances", "--grid.gammas", "1,300"], ["`grid.gammas`", "width 256"]),
        (["run", "distances", "--problem.singular_values", "1,0"], ["`problem.singular_values`", "positive"]),
    ],
    ids=lambda part: " ".join(part)[:60] if isinstance(part, list) else None,
)
def test_bad_words(here, capsys, words, parts):
    refused(capsys, words, *parts)
    assert listing(here) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("title = \n", ["not valid TOML", "line 1"]),
        (b"\xff\xfe", ["UTF-8"]),
        ("", ["Table `problem` is missing"]),
        (CANONICAL.replace("[problem]", "[problm]"), ["`problm`", "did you mean `problem`"]),
        (CANONICAL.replace("epsilon", "epsilom"), ["`dynamics.epsilom`", "did you mean `dynamics.epsilon`"]),
        (CANONICAL.replace("until = 3.0", ""), ["Key `dynamics.until` is missing"]),
        (CANONICAL.replace("until = 3.0", "until = -3.0"), ["`dynamics.until`", "positive", "-3.0"]),
        (CANONICAL + "[picture]\nrtol = 1e-3\n", ["`picture.rtol`", "did you mean `solver.rtol`"]),
        (CANONICAL.replace("[theory]\nlevels = 3", "") + "\n[[theory]]\nlevels = 3\n", ["`theory`", "table"]),
        ("title = 3\n" + CANONICAL.split("\n", 2)[2], ["`title`", "text"]),
        ('family = "shallow"\n', ["family", "'shallow'", "deep_linear"]),
        (DEEP.replace('kind = "completion"', ""), ["`problem.kind`", "missing"]),
        (DEEP.replace("width", "widht"), ["`network.widht`", "did you mean `network.width`"]),
        (DEEP.replace("observed = 70", ""), ["`problem.observed`", "missing"]),
        (DEEP.replace("[network]", "[dynamic]"), ["`dynamic`", "did you mean `dynamics`"]),
        (DEEP + "[theory]\nlevels = 3\n", ["`theory.levels`"]),
        (
            REGIMES.replace('name = "lazy"\ngamma', 'name = "lazy"\ngama'),
            ["`compare.gama`", "number 1", "`compare.gamma`"],
        ),
        (REGIMES.replace('"mean field"', '"lazy"'), ["`compare.name`", "'lazy'"]),
        (REGIMES.replace("gamma = 2.0", 'gamma = "large"'), ["`compare.gamma`", "number 3", "'large'"]),
        (DEEP + '[compare]\nname = "a"\n', ["`compare`", "list of tables"]),
        (target("[[1.0, 2.0], [3.0]]"), ["`problem.matrix`", "rows"]),
        (target("[[nan]]"), ["`problem.matrix`", "finite"]),
        (target("[]"), ["`problem.matrix`", "rows"]),
    ],
)
def test_bad_files(here, capsys, text, parts):
    path = here / "bad.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(capsys, ["run", "bad.toml"], "bad.toml", *parts)
    assert listing(here) == ["bad.toml"]


RATINGS = "row,column,value\n0,0,1\n0,1,2\n1,0,3\n"


@pytest.mark.parametrize(
    ("spec", "csv", "parts"),
    [
        (ratings("none.csv"), RATINGS, ["`problem.file`", "existing CSV", "none.csv"]),
        (ratings("."), RATINGS, ["`problem.file`", "existing CSV"]),
        (ratings(), "user,film,stars\n0,0,1\n", ["`problem.file`", "header", "user"]),
        (ratings(), RATINGS + "1,x,3\n", ["`problem.file`", "'x' in line 5"]),
        (ratings(), RATINGS + "1,1,many\n", ["`problem.file`", "'many' in line 5"]),
        (ratings(), RATINGS + "0,0,4\n", ["`problem.file`", "line 5"]),
        (ratings(), RATINGS + "1,1,4\n", ["`problem.file`", "without a rating"]),
        (ratings(), "row,column,value\n", ["`problem.file`", "at least one rating"]),
        (ratings(), b"\xff\xfe\x00", ["`problem.file`"]),
        (ratings(more="held_out = 1.0"), RATINGS, ["`problem.held_out`", "[0, 1)"]),
        (target("[[0.0, 0.0], [0.0, 0.0]]"), RATINGS, ["`problem`", "something to learn"]),
    ],
)
def test_bad_data(here, capsys, spec, csv, parts):
    (here / "spec.toml").write_text(spec)
    (here / "ratings.csv").write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    refused(capsys, ["run", "spec.toml", "--out", "out"], *parts)
    assert listing(here) == ["ratings.csv", "spec.toml"]


def test_digits_without_scikit_learn(here, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    (here / "spec.toml").write_text(ratings().replace('"ratings"', '"digits"').replace('file = "ratings.csv"', ""))
    refused(capsys, ["run", "spec.toml"], "`problem.kind`", "pip install scikit-learn")
    assert listing(here) == ["spec.toml"]


def test_folder_for_a_spec(here, capsys):
    (here / "results").mkdir()
    refused(capsys, ["run", "results"], "is a folder")
    (here / "results" / "spec.toml").write_text(CANONICAL)
    refused(capsys, ["run", "results"], "did you mean results/spec.toml?")


def test_output_folder_that_is_a_file(here, capsys):
    (here / "taken").write_text("precious")
    refused(capsys, ["run", "canonical", "--out", "taken"], "taken", "is a file")
    refused(capsys, ["run", "canonical", "--out", "taken/below"], "taken", "is a file")
    assert (here / "taken").read_text() == "precious"
    assert listing(here) == ["taken"]


def test_output_folder_that_cannot_be_written(here, capsys, monkeypatch):
    # a read-only folder does not stop a superuser, so the refusal of the file system is played
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    refused(capsys, ["run", "canonical", "--out", "a/b"], "a/b", "Permission denied")
    assert listing(here) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user that a mode can stop")
def test_read_only_folder(here, capsys):
    (here / "shut").mkdir(mode=0o555)
    refused(capsys, ["run", "canonical", "--out", "shut"], "Permission denied")


def test_file_of_the_result_that_is_a_folder(here, capsys):
    (here / "out" / "ladder.png").mkdir(parents=True)
    refused(capsys, ["run", "canonical", "--out", "out"], "ladder.png", "is a folder")
    assert listing(here) == ["out", "out/ladder.png"]
