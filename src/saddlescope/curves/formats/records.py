"""JSON: lists of records, JSON lines, Hugging Face's `log_history`, dictionaries of lists, exports by metric."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from saddlescope.curves.names import counter_rank, is_quantity
from saddlescope.curves.refusals import CurveError, listed
from saddlescope.curves.tables import Log, Rows, Table

_DEEPEST = 8
_MOST_LISTS = 20_000
_SPECIAL = {
    "nan": math.nan, "infinity": math.inf, "-infinity": -math.inf, "inf": math.inf, "-inf": -math.inf, "+inf": math.inf,
}  # fmt: skip
_RECORD_LIST = re.compile(r'"(log_history|history|logs|records|metrics|iterations|data|rows)"\s*:\s*\[')


def read_json(text: str, name: str) -> Log | None:
    """Return what a JSON text holds, None where it is neither JSON nor JSON lines.

    Raises: CurveError for JSON without a list of numbers.
    """
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    first, _, rest = text.lstrip().partition("\n")
    whole = _parsed(first)
    if isinstance(whole, dict) and (not rest.strip() or _starts_record(rest)):
        log = _json_lines(text) if rest.strip() or not _has_lists(whole) else None
        if log is not None:
            return log
    document = _parsed(text)
    if document is None:
        log = _json_lines(text)
        if log is None:
            log = _cut_document(text)
        return log
    log = _document(document)
    if log is None or not any(table.columns for table in log.tables):
        keys = listed(map(str, document)) if isinstance(document, dict) else f"a list of {len(document)} entries"
        raise CurveError(
            f"{name} is JSON without a curve (it holds {keys}); a list of records such as "
            '[{"step": 1, "loss": 0.5}, ...] or a dictionary of equal lists is read.'
        )
    return log


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _starts_record(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def _has_lists(document: dict[str, Any]) -> bool:
    return any(isinstance(value, list | dict) for value in document.values())


def as_number(value: Any) -> float | None:
    """Return a JSON value as a number: numbers and the words for nan and infinity; nothing else is one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and len(value) < 12:
        return _SPECIAL.get(value.strip().lower())
    return None


def flat(record: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries, named by their path; media records have none."""
    if "_type" in record and depth:
        return
    for key, value in record.items():
        name = f"{prefix}{key}".strip()
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from flat(value, f"{name}/", depth + 1)
        elif not isinstance(value, list):
            yield name, value


def put_record(rows: Rows, texts: Rows, record: dict[str, Any], line: int) -> None:
    """Add a record as a row; numbers written as strings go to `texts`, for files that write all numbers so."""
    rows.start(line)
    texts.start(line)
    for name, value in flat(record):
        number = as_number(value)
        if number is not None:
            rows.put(name, number)
            if not isinstance(value, str):
                texts.put(name, number)
        if isinstance(value, str) and len(value) < 200:
            rows.put_word(name, value)
            try:
                texts.put(name, float(value) if "_" not in value else math.nan)
            except ValueError:
                texts.put_word(name, value)


def from_records(records: Any, place: str = "record", start: int = 1) -> Table:
    """Return the table of an iterable of records, or of pairs (line, record)."""
    rows, texts = Rows(place), Rows(place)
    for number, record in enumerate(records, start=start):
        line, entry = record if isinstance(record, tuple) else (number, record)
        if isinstance(entry, dict):
            put_record(rows, texts, entry, line)
    return chosen_numbers(rows, texts)


def chosen_numbers(rows: Rows, texts: Rows) -> Table:
    """Return the table of numbers; that of numbers written as strings where there is nothing else to draw."""
    table = rows.table()
    if any(is_quantity(column.name) for column in table.columns if len(column) > 1):
        return table
    other = texts.table()
    return other if any(is_quantity(column.name) for column in other.columns) else table


def _json_lines(text: str) -> Log | None:
    records: list[tuple[int, dict[str, Any]]] = []
    skipped: list[int] = []
    filled, last = 0, 0
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip().rstrip(",")
        if not line:
            continue
        filled, last = filled + 1, number
        record = _parsed(line) if line[0] == "{" else None
        if isinstance(record, dict):
            records.append((number, record))
        else:
            skipped.append(number)
        if filled == 50 and len(skipped) > 25:
            return None
    if not records or len(skipped) > 0.3 * filled:
        return None
    notes = []
    if skipped == [last]:
        notes.append(f"Line {last}, the last, is written in part and left out.")
    elif skipped:
        notes.append(f"{len(skipped)} lines that are no JSON records are left out, the first at line {skipped[0]}.")
    table = from_records(records, "line")
    return Log(_lines_format(table), [table], notes)


def _lines_format(table: Table) -> str:
    names = {column.name for column in table.columns}
    if {"iteration", "total_loss"} <= names and "data_time" in names:
        return "detectron2 metrics.json"
    if {"training_iteration", "timesteps_total"} <= names or "num_env_steps_sampled_lifetime" in names:
        return "RLlib result.json"
    if "_step" in names and ("_runtime" in names or "_timestamp" in names):
        return "W&B history, JSON lines"
    if "mode" in table.texts and {"epoch", "iter"} & names:
        return "mmengine JSON log"
    return "JSON lines"


def _cut_document(text: str) -> Log | None:
    """Read the records of a document that was written in part, up to the last whole one."""
    start = text.find("[") if text.lstrip()[:1] == "[" else -1
    result = _RECORD_LIST.search(text)
    if start < 0:
        if result is None:
            return None
        start = result.end() - 1
    decoder, place, records = json.JSONDecoder(), start + 1, []
    while place < len(text):
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if text[place : place + 1] != "{":
            break
        try:
            record, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        records.append(record)
    if not records:
        return None
    line = text.count("\n", 0, min(place, len(text))) + 1
    name = "Hugging Face trainer_state.json" if result is not None and result[1] == "log_history" else "JSON"
    return Log(name, [from_records(records)], [f"The file is broken off or damaged at line {line}: read up to there."])


def _document(document: Any) -> Log | None:
    if isinstance(document, dict):
        history = document.get("log_history")
        if isinstance(history, list):
            return Log("Hugging Face trainer_state.json", [from_records(history)], _summaries(history))
        if isinstance(document.get("iterations"), list) and isinstance(document.get("meta"), dict):
            return _catboost(document)
    if isinstance(document, list):
        if document and all(isinstance(entry, list | tuple) for entry in document[:100]):
            return _lists_of_numbers(document)
        if document and all(as_number(entry) is not None for entry in document):
            rows = Rows()
            for number, entry in enumerate(document, start=1):
                value = as_number(entry)
                rows.start(number)
                if value is not None:
                    rows.put("value", value)
            return Log("JSON list", [rows.table()])
    lists = _record_lists(document)
    groups = _number_lists(document)
    best = max(lists, key=len, default=[])
    longest = max((len(values) for group in groups for values in group.values()), default=0)
    if best and len(best) >= longest:
        return Log("JSON records", [from_records(best)])
    if groups:
        return _dictionaries_of_lists(groups)
    return None


def _summaries(history: list[Any]) -> list[str]:
    summary = [name for record in history if isinstance(record, dict) for name in record if name == "train_runtime"]
    return ["The summary record (train_loss, train_runtime) is no point of the curve."] if summary else []


def _catboost(document: dict[str, Any]) -> Log:
    meta, records = document["meta"], []
    names = {
        part: [entry.get("name", part) for entry in meta.get(f"{part}_metrics", []) if isinstance(entry, dict)]
        for part in ("learn", "test")
    }
    for record in document["iterations"]:
        if not isinstance(record, dict):
            continue
        entry = {key: value for key, value in record.items() if not isinstance(value, list)}
        for part, metrics in names.items():
            values = record.get(part)
            if isinstance(values, list):
                entry |= {f"{part}/{metric}": value for metric, value in zip(metrics, values, strict=False)}
        records.append(entry)
    return Log("CatBoost catboost_training.json", [from_records(records)])


def _lists_of_numbers(document: list[Any]) -> Log | None:
    width = len(document[0])
    if not 1 <= width <= 1000:
        return None
    triples = width == 3 and all(as_number(row[0]) and (as_number(row[0]) or 0) > 1e9 for row in document[:5] if row)
    names = ["Wall time", "Step", "Value"] if triples else [f"column {n}" for n in range(1, width + 1)]
    rows = Rows()
    for number, row in enumerate(document, start=1):
        if not isinstance(row, list) or len(row) != width:
            continue
        rows.start(number)
        for name, cell in zip(names, row, strict=True):
            value = as_number(cell)
            if value is not None:
                rows.put(name, value)
    table = rows.table()
    table.headless = not triples
    return Log("TensorBoard JSON download" if triples else "JSON lists", [table])


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield every dictionary and list with its path, without recursion."""
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    seen = 0
    while stack and seen < _MOST_LISTS:
        path, node, depth = stack.pop()
        seen += 1
        yield path, node
        if depth > 2 * _DEEPEST:
            continue
        if isinstance(node, dict):
            children = [(f"{path}/{key}" if path else str(key), child) for key, child in node.items()]
        elif isinstance(node, list) and len(node) <= 200:
            children = [(path, child) for child in node]
        else:
            continue
        stack += [(name, child, depth + 1) for name, child in reversed(children) if isinstance(child, dict | list)]


def _record_lists(document: Any) -> list[list[Any]]:
    results = []
    for _, node in _walk(document):
        if (
            isinstance(node, list)
            and node
            and sum(isinstance(entry, dict) for entry in node[:50]) > 0.8 * len(node[:50])
        ):
            numeric = sum(any(as_number(v) is not None for _, v in flat(e)) for e in node[:50] if isinstance(e, dict))
            values = any(isinstance(v, str) for e in node[:50] if isinstance(e, dict) for _, v in flat(e))
            if numeric or values:
                results.append(node)
    return results


def _number_lists(document: Any) -> list[dict[str, list[Any]]]:
    """Return the lists of numbers, those of equal length in one dictionary together."""
    groups = []
    for path, node in _walk(document):
        if not isinstance(node, dict):
            continue
        of_length: dict[int, dict[str, list[Any]]] = {}
        for key, values in node.items():
            if not isinstance(values, list) or not values or isinstance(values[0], dict | list):
                continue
            if sum(as_number(v) is not None or v is None for v in values[:50]) < 0.8 * len(values[:50]):
                continue
            of_length.setdefault(len(values), {})[str(key)] = values
        parent = path.rsplit("/", 1)[-1] if path.rsplit("/", 1)[-1] not in ("history", "metrics", "data") else ""
        groups += [_named(lists, parent) for lists in of_length.values()]
    return _one_of_equal(groups)


def _named(lists: dict[str, list[Any]], parent: str) -> dict[str, list[Any]]:
    """Name the lists {"steps", "values"} or {"x", "y"} of one metric after it, others by their path."""
    keys = {key.lower(): key for key in lists}
    for clock, value in (("steps", "values"), ("step", "value"), ("x", "y"), ("step", "values"), ("steps", "value")):
        if clock in keys and value in keys:
            rest = {k: v for k, v in lists.items() if k not in (keys[clock], keys[value])}
            x = "step" if clock[:4] == "step" else "x"
            return {x: lists[keys[clock]], parent or keys[value]: lists[keys[value]], **rest}
    if not parent or len(lists) == 0:
        return lists
    return {key if counter_rank(key) is not None else f"{parent}/{key}": values for key, values in lists.items()}


def _one_of_equal(groups: list[dict[str, list[Any]]]) -> list[dict[str, list[Any]]]:
    """Set groups of equal length without a counter of their own side by side, such as train and eval of XGBoost."""
    merged: dict[int, dict[str, list[Any]]] = {}
    kept = []
    for group in groups:
        if any(counter_rank(name) is not None for name in group):
            kept.append(group)
        else:
            length = len(next(iter(group.values())))
            together = merged.setdefault(length, {})
            for name, values in group.items():
                together.setdefault(name, values)
    return [*kept, *merged.values()]


def _dictionaries_of_lists(groups: list[dict[str, list[Any]]]) -> Log:
    tables = []
    for group in groups:
        rows = Rows("entry")
        for number, cells in enumerate(zip(*group.values(), strict=True), start=1):
            rows.start(number)
            for name, cell in zip(group, cells, strict=True):
                value = as_number(cell)
                if value is not None:
                    rows.put(name, value)
        tables.append(rows.table())
    keras = any(name.startswith("val_") for group in groups for name in group)
    return Log("Keras history" if keras else "JSON dictionary of lists", tables)
