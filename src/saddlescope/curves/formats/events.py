"""TensorBoard event files: TFRecords of Event messages, with scalars as `simple_value` or as tensors."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field

import numpy as np

from saddlescope.curves.refusals import CurveError
from saddlescope.curves.tables import Column, Log, Table

_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected
_MASK = 0xA282EAD8
_LONGEST_CHECKED = 4096  # longer records hold pictures and graphs, whose scalars, if any, are few
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 6: "i1", 9: "<i8", 17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8"}


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _crc_table()


def masked_crc(rows: np.ndarray) -> np.ndarray:
    """Return the masked CRC-32C of each row of bytes, shape (records,), from `rows` of shape (records, length).

    >>> hex(masked_crc(np.frombuffer(b"123456789", dtype=np.uint8)[None])[0] - np.uint32(0xA282EAD8))  # of 0xe3069283
    '0x2507c60d'
    """
    crc = np.full(len(rows), 0xFFFFFFFF, dtype=np.uint32)
    for column in np.ascontiguousarray(rows.T):
        crc = _TABLE[(crc ^ column) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    crc = ~crc
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK)


def is_events(data: bytes) -> bool:
    """Return whether the data starts with a whole TFRecord header."""
    if len(data) < 12:
        return False
    (length,) = struct.unpack_from("<Q", data)
    if length > 2**31:
        return False
    expected = struct.unpack_from("<I", data, 8)[0]
    return int(masked_crc(np.frombuffer(data[:8], dtype=np.uint8)[None])[0]) == expected


@dataclass
class _Scalars:
    steps: array = field(default_factory=lambda: array("d"))
    walls: array = field(default_factory=lambda: array("d"))
    values: array = field(default_factory=lambda: array("d"))
    records: array = field(default_factory=lambda: array("q"))


def read_events(data: bytes, name: str, run: str = "") -> Log:
    """Return one table for each tag of an event file; a record that is cut or damaged ends the reading.

    Raises: CurveError where no record holds a scalar.
    """
    starts, lengths, note = _records(data)
    damaged = _damaged(data, starts, lengths)
    tags: dict[bytes, _Scalars] = {}
    other: set[str] = set()
    for number, (start, length) in enumerate(zip(starts, lengths, strict=True), start=1):
        if number in damaged:
            continue
        try:
            _event(data, start, start + length, number, tags, other)
        except (IndexError, struct.error, ValueError):
            damaged.add(number)
    notes = [note] if note else []
    if damaged:
        notes.append(
            f"{len(damaged)} damaged record{'s are' if len(damaged) > 1 else ' is'} left out, the first is "
            f"record {min(damaged)}."
        )
    if not tags:
        seen = f"; its tags {', '.join(sorted(other)[:8])} hold no single numbers" if other else ""
        raise CurveError(
            f"{name} is a TensorBoard event file with {len(starts)} records and no scalar in them{seen}; "
            "read the folder of the run, whose other files may hold some."
        )
    tables = []
    for tag, result in tags.items():
        columns = [
            Column("step", np.frombuffer(result.steps, dtype=np.float64)),
            Column("Wall time", np.frombuffer(result.walls, dtype=np.float64), quantity=False),
            Column(tag.decode("utf-8", "replace").strip(), np.frombuffer(result.values, dtype=np.float64)),
        ]
        lines = np.frombuffer(result.records, dtype=np.int64)
        tables.append(Table(columns, len(lines), lines, "record", run=run, clock="step"))
    return Log("TensorBoard events", tables, notes)


def _records(data: bytes) -> tuple[list[int], list[int], str]:
    """Return where the records start and how long they are, up to one that is cut or whose header is damaged."""
    starts: list[int] = []
    lengths: list[int] = []
    place, size = 0, len(data)
    unpack = struct.Struct("<Q").unpack_from
    while place + 12 <= size:
        (length,) = unpack(data, place)
        if length > size or place + 16 + length > size:
            break
        starts.append(place + 12)
        lengths.append(length)
        place += 16 + length
    if starts:
        heads = np.frombuffer(data, dtype=np.uint8)[(np.array(starts)[:, None] - 12) + np.arange(12)]
        good = masked_crc(heads[:, :8]) == np.ascontiguousarray(heads[:, 8:]).view("<u4")[:, 0]
        if not good.all():
            first = int(np.argmin(good))
            return starts[:first], lengths[:first], f"The header of record {first + 1} is damaged: read up to there."
    if place < size:
        if place + 12 <= size and not is_events(data[place : place + 12]):
            return starts, lengths, f"The header of record {len(starts) + 1} is damaged: read up to there."
        return starts, lengths, f"Record {len(starts) + 1}, the last, is written in part: read up to there."
    return starts, lengths, ""


def _damaged(data: bytes, starts: list[int], lengths: list[int]) -> set[int]:
    """Return the numbers of the records whose checksum is wrong; those of one length are checked together."""
    if not starts:
        return set()
    buffer = np.frombuffer(data, dtype=np.uint8)
    places, sizes = np.array(starts), np.array(lengths)
    wrong: set[int] = set()
    for length in np.unique(sizes[sizes <= _LONGEST_CHECKED]):
        of_length = np.flatnonzero(sizes == length)
        for first in range(0, len(of_length), 8192):
            some = of_length[first : first + 8192]
            rows = buffer[places[some][:, None] + np.arange(length + 4)]
            stored = np.ascontiguousarray(rows[:, length:]).view("<u4")[:, 0]
            wrong |= {int(number) + 1 for number in some[masked_crc(rows[:, :length]) != stored]}
    return wrong


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("varint")


def _fields(data: bytes, place: int, end: int):
    """Yield (field, start, end or value) of a message; for numbers the wire type tells how to read them."""
    while place < end:
        key = data[place]
        place += 1
        if key >= 128:
            key, place = _varint(data, place - 1)
        wire = key & 7
        if wire == 2:
            size = data[place]
            place += 1
            if size >= 128:
                size, place = _varint(data, place - 1)
            if place + size > end:
                raise ValueError("field beyond its message")
            yield key >> 3, place, place + size
            place += size
        elif wire == 0:
            value, place = _varint(data, place)
            yield key >> 3, value, -1
        elif wire == 1:
            yield key >> 3, place, place + 8
            place += 8
        elif wire == 5:
            yield key >> 3, place, place + 4
            place += 4
        else:
            raise ValueError("wire type")
    if place != end:
        raise ValueError("field beyond its message")


_DOUBLE, _FLOAT = struct.Struct("<d").unpack_from, struct.Struct("<f").unpack_from


def _event(data: bytes, start: int, end: int, number: int, tags: dict[bytes, _Scalars], other: set[str]) -> None:
    wall, step = 0.0, 0
    summaries = []
    for key, at, to in _fields(data, start, end):
        if key == 5:
            summaries.append((at, to))
        elif key == 2:
            step = at
        elif key == 1:
            wall = _DOUBLE(data, at)[0]
    if step >= 2**63:
        step -= 2**64
    for first, last in summaries:
        for key, at, to in _fields(data, first, last):
            if key != 1 or to < 0:
                continue
            tag, value, tensor = b"", None, None
            for inner, a, b in _fields(data, at, to):
                if inner == 1:
                    tag = data[a:b]
                elif inner == 2:
                    value = _FLOAT(data, a)[0]
                elif inner == 8:
                    tensor = (a, b)
            if value is None and tensor is not None:
                value = _tensor(data, *tensor)
            if value is None:
                if len(other) < 50:
                    other.add(tag.decode("utf-8", "replace")[:40])
                continue
            result = tags.get(tag)
            if result is None:
                result = tags[tag] = _Scalars()
            result.steps.append(step)
            result.walls.append(wall)
            result.values.append(value)
            result.records.append(number)


def _tensor(data: bytes, start: int, end: int) -> float | None:
    """Return the number in a tensor of one entry, None for others: of floats, integers or half floats."""
    kind, content, entries = 0, b"", []
    for key, at, to in _fields(data, start, end):
        if key == 1:
            kind = at
        elif key == 4:
            content = data[at:to]
        elif key == 2:
            for dimension, a, b in _fields(data, at, to):
                if dimension == 2:
                    sizes = [size for inner, size, _ in _fields(data, a, b) if inner == 1]
                    if sizes and sizes[0] != 1:
                        return None
        elif key in (5, 6):  # float_val, double_val, packed or one by one
            entries += np.frombuffer(data[at:to], dtype="<f4" if key == 5 else "<f8").tolist()
        elif key in (7, 10, 13):  # int_val, int64_val, half_val
            packed = [at] if to < 0 else []
            while to >= 0 and at < to:
                value, at = _varint(data, at)
                packed.append(value)
            entries += packed if key != 13 else np.array(packed, dtype=np.uint16).view(np.float16).tolist()
    if kind == 14 and len(content) == 2:  # bfloat16: the upper half of a float
        return float(np.frombuffer(b"\0\0" + content, dtype="<f4")[0])
    if content and kind in _TYPES:
        numbers = (
            np.frombuffer(content, dtype=_TYPES[kind]) if len(content) % np.dtype(_TYPES[kind]).itemsize == 0 else ()
        )
        return float(numbers[0]) if len(numbers) == 1 else None
    if len(entries) == 1:
        value = entries[0]
        return float(value - 2**64 if isinstance(value, int) and value >= 2**63 else value)
    return None
