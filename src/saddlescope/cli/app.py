"""Commands and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

import saddlescope
from saddlescope.cli.examples import EXAMPLES, epilogue

# Numerical libraries are imported inside the commands: help and refusals must be instant.


app = cyclopts.App(
    name="saddlescope",
    help="Exact learning dynamics of solvable neural networks: plateaus, saddles and time-scales, "
    "with the theory's prediction beside what was measured.",
    version=saddlescope.__version__,
    version_flags=["--version"],
    version_format="plaintext",
    help_format="markdown",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)


@app.command
def run(
    spec: str,
    /,
    *settings: Annotated[str, Parameter(allow_leading_hyphen=True, negative=())],
    out: Path | None = None,
) -> int:
    """Solve one spec: print its stages beside the predicted ones, save the result and pictures.

    Any key of the spec can be changed by a setting, such as --dynamics.epsilon 1e-6 or
    --problem.link 1,-1,1,1. `saddlescope specs NAME` prints a spec to start from, `saddlescope settings`
    lists all keys of every family of problems.

    Parameters
    ----------
    spec
        Path of a TOML file, or the name of a shipped spec.
    settings
        Changes to the spec: --TABLE.KEY VALUE.
    out
        Folder for trajectory.nc, stages.json, pictures and spec.toml; by default one named after the spec.
    """
    from saddlescope.cli.running import run_spec

    return run_spec(spec, settings, out)


@app.command
def sweep(
    spec: str,
    /,
    *settings: Annotated[str, Parameter(allow_leading_hyphen=True, negative=())],
    axis: Annotated[list[str] | None, Parameter(negative=())] = None,
    engine: str = "auto",
    workers: int | None = None,
    memory: str | None = None,
    measure: str | None = None,
    keep: Literal["none", "observables", "all"] | None = None,
    again: Literal["FAILED", "ALL"] | None = None,
    array: str | None = None,
    status: Annotated[bool, Parameter(negative=())] = False,
    tasks: Annotated[bool, Parameter(negative=())] = False,
    export: Path | None = None,
    prune: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
) -> int:
    """Run a spec at every point of some axes: resumable, in many processes, or on a cluster.

    A sweep is a spec with a table [sweep.axes]; `saddlescope specs` lists those that are shipped. Every finished task
    is kept at once: the same command goes on after any stop, and computes only what is new after a change. The exit
    code is 1 if a task did not complete.

    Parameters
    ----------
    spec
        Path of a TOML file, or the name of a shipped sweep or spec.
    settings
        Changes to the spec: --TABLE.KEY VALUE.
    axis
        An axis more, or another one: --axis "dynamics.epsilon={logspace = [1e-9, 1e-4], points = 6}".
    engine
        Who computes: serial, processes, dask, or dask=ADDRESS of a scheduler.
    workers
        Number of processes; by default of processors.
    memory
        What a worker may use, such as 2GB.
    measure
        Numbers of your own: file.py:function, a function of a trajectory that returns a dictionary of numbers.
    keep
        What to keep of trajectories.
    again
        Run tasks anew: those that FAILED, or ALL.
    array
        N/M: only the N-th of M shares, for the job arrays of a cluster over one folder.
    status
        Only tell how far it is, and what is running.
    tasks
        Show a line for each running task below the bar.
    export
        Only write what there is to this file: .nc, .zarr, .parquet or .csv.
    prune
        Only remove what is left over, and with --yes results that this sweep does not ask for.
    yes
        Allow more than 10^7 tasks; remove results.
    out
        Folder for the results and pictures; by default one named after the spec.
    """
    from saddlescope.cli.sweeping import Wanted, run_sweep

    wanted = Wanted(
        tuple(axis or ()), engine, workers, memory, measure, keep, again, array, out, export, status, prune, tasks, yes
    )
    return run_sweep(spec, settings, wanted)


@app.command
def specs(name: str | None = None, /) -> int:
    """List the shipped specs, or print one of them.

    Parameters
    ----------
    name
        Print the TOML text of this spec, to start your own from.
    """
    from saddlescope.cli.listing import print_specs

    return print_specs(name)


@app.command
def settings(family: str | None = None, /) -> int:
    """List all keys of a spec, with their meaning and default.

    Parameters
    ----------
    family
        Only those of this family of problems, such as deep_linear.
    """
    from saddlescope.cli.listing import print_settings

    return print_settings(family)


@app.command
def reproduce(
    paper: str | None = None,
    /,
    *,
    only: Annotated[list[str] | None, Parameter(negative=())] = None,
    full: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
    workers: int | None = None,
) -> int:
    """Run the claims of the papers and set what was measured beside what is claimed.

    Writes report.html (one page that needs no network), figures and ledger.json. A run that was stopped goes on
    where it was. The exit code is 1 if a row that should agree does not, or an experiment failed.

    Parameters
    ----------
    paper
        Only this one: learning-time-scales, saddle-to-saddle or around.
    only
        Only the experiment (or row) of this id, run afresh; may be given several times.
    full
        The full versions, with larger sizes.
    out
        Folder to write to; by default `reproduction`.
    workers
        How many experiments run at a time; by default as many as there are processors.
    """
    from saddlescope.arguments import count
    from saddlescope.cli.reproducing import reproduce_papers
    from saddlescope.engines import processors

    number = processors() if workers is None else count("--workers", workers)
    return reproduce_papers(paper, only or [], full, out, workers=number)


@app.command
def plateaus(
    *files: Annotated[str, Parameter(negative=(), allow_leading_hyphen=True)],
    y: Annotated[list[str] | None, Parameter(negative=())] = None,
    x: str | None = None,
    time: Literal["log", "linear"] = "log",
    values: Literal["auto", "log", "linear"] = "auto",
    from_: Annotated[str | None, Parameter(name="--from", allow_leading_hyphen=True)] = None,
    run: str = "last",
    slope: float = 0.2,
    least_decades: float = 0.25,
    list_: Annotated[bool, Parameter(name="--list", negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    plot: Path | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    follow: Annotated[bool, Parameter(negative=())] = False,
    compare: str | None = None,
) -> int:
    """Find the plateaus of your own training curves, in logs of any kind.

    CSV and other tables of text, JSON and JSON lines, printed logs, TensorBoard event files, MLflow, npy, npz, Parquet:
    the content says which. A folder is read for the logs it holds, - is the standard input, and several files are set
    side by side.

    Parameters
    ----------
    files
        Training logs, folders of them, or -.
    y
        Name or number of a column to judge; may be given several times. By default the training loss, else the mean
        reward.
    x
        Name or number of the column that counts time, or `row`. By default the best counter of steps or epochs.
    time
        Axis of time: log (default) or linear.
    values
        Axis of values: log (factors), linear (fractions of the range), or auto, by the curve.
    from_
        The x at which time is zero: a number, `file` for the start of the file, or `raw` for x as it stands.
    run
        Where several runs follow each other in one file: last (default), a number from 1, or all.
    slope
        A plateau is flatter than this, in decades (or fractions of the range) a decade of time.
    least_decades
        And lasts at least this many decades of time.
    list_
        Only list the columns.
    json
        Print JSON, for other programs.
    plot
        Draw the curves with their plateaus into this picture: .png, .pdf or .svg.
    sep
        Separator of the cells, where the content misleads: one character, `tab` or `blank`.
    decimal
        Decimal sign, . or , where the content misleads.
    follow
        Watch a growing file, and say when a plateau begins and ends.
    compare
        Solve this spec (a path, or the name of a shipped one), and set the drops of its run beside those of each curve,
        on a free scale of time.
    """
    from saddlescope.cli.curves.command import tell_plateaus
    from saddlescope.cli.curves.judging import Asked

    asked = Asked(tuple(y or ()), x, time, values, from_, run, slope, least_decades, sep, decimal)
    return tell_plateaus(files, asked, only_list=list_, as_json=json, picture=plot, follow=follow, spec=compare)


@app.command
def explore(
    *files: Annotated[str, Parameter(negative=())],
    port: int | None = None,
    browser: bool = True,
    host: str | None = None,
) -> int:
    """Open a page in the browser: sliders that solve again at once, predicted beside measured.

    It is served by this machine for this machine, and for who knows the token in its address. It needs no network, and
    ends on Ctrl-C, or when the page has been closed for a minute.

    Parameters
    ----------
    files
        Specs to start from (TOML files or names of shipped ones), results to look at (trajectory.nc), training logs.
    port
        Port to listen on; by default the first free one from 8765.
    browser
        Open a browser.
    host
        Listen on this address for other machines, too.
    """
    from saddlescope.explorer import explore as serve

    return serve(files, port=port, browser=browser, host=host)


@app.command
def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print what a shell needs to complete commands and options by the Tab key.

    Parameters
    ----------
    shell
        Which one.
    """
    print(app.generate_completion(prog_name="saddlescope", shell=shell))
    return 0


for _command in EXAMPLES:
    app[_command].help_epilogue = epilogue(_command)
