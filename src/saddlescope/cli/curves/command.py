"""`saddlescope plateaus`: from the words of the command line to judged curves."""

from __future__ import annotations

import sys
from pathlib import Path

from saddlescope.cli.curves.judging import Asked, Judged, judged, read
from saddlescope.curves import CurveError
from saddlescope.curves.refusals import shown
from saddlescope.curves.tables import Log


def tell_plateaus(
    files: tuple[str, ...],
    asked: Asked,
    *,
    only_list: bool,
    as_json: bool,
    picture: Path | None,
    follow: bool,
    spec: str | None = None,
) -> int:
    """Read the files, judge their curves and print what was found; return the exit code.

    A file that is refused is told on the standard error, and the others are still told; the code is then 2.
    """
    if not files:
        raise CurveError(
            "Name a training log, a folder of logs, or - for the standard input: saddlescope plateaus FILE."
        )
    unknown = next((file for file in files if file.startswith("-") and file != "-"), None)
    if unknown is not None:
        raise CurveError(f"Unknown option: {shown(unknown)}; `saddlescope plateaus --help` lists them all.")
    if follow:
        from saddlescope.cli.curves.following import follow_file

        first, *others = files
        if others or first == "-" or as_json or only_list or picture is not None or spec is not None:
            raise CurveError(
                "--follow watches one file and prints as it grows; name one file, without --list, --json, --plot and "
                "--compare."
            )
        return follow_file(Path(first), asked)
    if picture is not None:
        from saddlescope.cli.curves.picture import check_picture

        check_picture(picture)
    model = None
    if spec is not None and not only_list:
        from saddlescope.cli.curves.comparing import Model

        model = Model(spec)
    results: list[tuple[Log, list[Judged]]] = []
    failures = 0
    for file in files:
        try:
            log = read(file, asked)
            results.append((log, [] if only_list else judged(log, asked)))
        except CurveError as error:
            if len(files) == 1:
                raise
            print(f"saddlescope: {error}", file=sys.stderr)
            failures += 1
    if model is not None:
        results = [(log, [model.beside(one) for one in curves]) for log, curves in results]
    if results:
        _tell(results, only_list, as_json, len(files) > 1)
        if picture is not None and not only_list:
            from saddlescope.cli.curves.picture import draw

            # the standard output may be JSON that a program reads
            print(draw([one for _, curves in results for one in curves], picture), file=sys.stderr if as_json else None)
    return 2 if failures else 0


def _tell(results: list[tuple[Log, list[Judged]]], only_list: bool, as_json: bool, several: bool) -> None:
    from saddlescope.cli.curves import machine, telling

    if only_list:
        telling.tell_columns([log for log, _ in results])
    elif as_json:
        machine.print_json(results, several)
    else:
        telling.tell([one for _, curves in results for one in curves], side_by_side=several)
