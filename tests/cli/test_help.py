"""Help as a manual: every command says what it does, what each word means, and shows examples that are true."""

import shlex
import shutil
import subprocess

import pytest

from saddlescope.cli import main
from saddlescope.cli.app import app
from saddlescope.cli.examples import EXAMPLES

COMMANDS = sorted(name for name in app if not name.startswith("-"))


def words(line):
    return shlex.split(line.partition(">")[0])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_in_its_help(name, capsys):
    assert len(EXAMPLES[name]) >= 2
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    for example in EXAMPLES[name]:
        assert example.line.startswith(name)
        assert f"saddlescope {example.line}" in shown  # whole, to be copied
        assert f"# {example.wanted}" in shown


@pytest.mark.parametrize("line", [example.line for name in COMMANDS for example in EXAMPLES[name]])
def test_examples_are_lines_that_the_command_line_takes(line):
    called, _, _ = app.parse_args(words(line), print_error=False, exit_on_error=False)
    assert called.__name__.rstrip("_") == words(line)[0]


@pytest.mark.parametrize("line", [e.line for name in ("specs", "settings", "completion") for e in EXAMPLES[name]])
def test_examples_that_only_print_do_so(line, capsys):
    assert main(words(line)) == 0
    assert capsys.readouterr().out


def test_a_shell_completes_commands_and_options(tmp_path, capsys):
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out, encoding="utf-8")

    def completed(*typed):
        code = (
            f"source {shlex.quote(str(script))}; COMP_WORDS=({' '.join(map(shlex.quote, typed))}); "
            f"COMP_CWORD={len(typed) - 1}; COMP_LINE={shlex.quote(' '.join(typed))}; COMP_POINT=${{#COMP_LINE}}; "
            "$(complete -p saddlescope | sed 's/.*-F \\([^ ]*\\).*/\\1/') saddlescope; echo ${COMPREPLY[@]}"
        )
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert "reproduce" in completed("saddlescope", "rep")
    assert "--compare" in completed("saddlescope", "plateaus", "--comp")
