"""Examples of every command, shown below its help and on the pages of the documentation; the tests run their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    """What is wanted, and the line that gets it."""

    wanted: str
    line: str


EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "run": (
        Example("A shipped problem, with another ratio of learning rates", "run canonical --dynamics.epsilon 1e-6"),
        Example("A file of your own, its results into a folder", "run mine.toml --out results"),
    ),
    "sweep": (
        Example("A shipped sweep, in all processors", "sweep exponents"),
        Example("An axis over a shipped spec", 'sweep canonical --axis "dynamics.epsilon=[1e-6, 1e-8]"'),
        Example("How far it is, from another terminal", "sweep exponents --status"),
        Example("Share 3 of 20 in a job array of a cluster", "sweep mine.toml --array 3/20"),
    ),
    "specs": (
        Example("What is shipped", "specs"),
        Example("Start a file of your own from one of them", "specs canonical > mine.toml"),
    ),
    "settings": (
        Example("Every key of every family of problems", "settings"),
        Example("Only those of deep linear networks", "settings deep_linear"),
    ),
    "reproduce": (
        Example("Everything, into one HTML report (some minutes)", "reproduce"),
        Example("One experiment afresh, into a folder", "reproduce --only level-two --out ledger"),
    ),
    "plateaus": (
        Example("Plateaus of a training log, drawn, too", "plateaus metrics.csv --plot stages.png"),
        Example("One column of a log, beside a run of a spec", "plateaus log.jsonl --y loss --compare canonical"),
        Example("A folder of TensorBoard event files, for machines", "plateaus runs --json"),
    ),
    "explore": (
        Example("The page, with a tab for each family", "explore"),
        Example("Start from a spec, and bring a training log", "explore canonical metrics.csv"),
        Example("On a machine without a browser", "explore --no-browser --port 8800"),
    ),
    "completion": (
        Example("For bash, from the next shell on", "completion bash >> ~/.bashrc"),
        Example("For fish", "completion fish > ~/.config/fish/completions/saddlescope.fish"),
    ),
}


def epilogue(command: str) -> str:
    """Return the text below the help of a command, in Markdown.

    >>> print(epilogue("specs"))
    **Examples**
    <BLANKLINE>
    ```sh
    # What is shipped
    saddlescope specs
    # Start a file of your own from one of them
    saddlescope specs canonical > mine.toml
    ```
    """
    lines = [text for example in EXAMPLES[command] for text in (f"# {example.wanted}", f"saddlescope {example.line}")]
    return "\n".join(["**Examples**", "", "```sh", *lines, "```"])
