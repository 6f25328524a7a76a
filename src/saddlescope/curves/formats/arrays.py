"""NumPy's npy and npz, without unpickling."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from saddlescope.curves.names import counter_rank
from saddlescope.curves.refusals import CurveError, listed
from saddlescope.curves.tables import Column, Log, Table

_MOST_BYTES = 2**31
_MOST_COLUMNS = 200
_CLOCKS = ("time", "times", "t", "x", "steps", "step", "epochs", "epoch", "iterations", "iteration")


def read_npy(data: bytes, name: str) -> Log:
    """Return the columns of an array of shape (time,), (time, columns) or (columns, time) with two or three columns."""
    array = _array(data, name)
    if array.dtype.names:
        columns = {field: array[field] for field in array.dtype.names if array[field].ndim == 1}
        return _log(columns, name, "npy, structured")
    if array.ndim == 2 and array.shape[0] <= 4 < array.shape[1]:
        array = array.T
    if array.ndim == 1:
        return _log({"value": array}, name, "npy")
    if array.ndim != 2 or array.shape[1] > _MOST_COLUMNS:
        raise CurveError(
            f"{name} is an array of shape {array.shape}; a curve is (time,) or (time, columns): save the one to "
            "read as npz "
            "with its times (`numpy.savez`)."
        )
    log = _log({f"column {n + 1}": array[:, n] for n in range(array.shape[1])}, name, "npy")
    log.tables[0].headless = True
    return log


def read_npz(data: bytes, name: str) -> Log:
    """Return the arrays of an npz as columns; those of two axes, one of them time, are averaged over the other.

    Raises: CurveError for object arrays, archives that unpack to more than 2 GB, or without numbers.
    """
    arrays: dict[str, np.ndarray] = {}
    refused: list[str] = []
    notes: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if not members:
                raise CurveError(f"{name} is a zip archive without arrays; unpack it and read the log in it.")
            for member in members[:1000]:
                if member.file_size > 2**26 and member.file_size > 250 * max(member.compress_size, 1):
                    raise CurveError(
                        f"{name} unpacks to {member.file_size / 2**20:.0f} MB, 250 times its size; save it anew."
                    )
                if sum(array.nbytes for array in arrays.values()) + member.file_size > _MOST_BYTES:
                    raise CurveError(f"{name} unpacks to more than 2 GB; save the curve alone.")
                with archive.open(member) as file:
                    content = file.read(member.file_size + 1)
                key = member.filename[:-4]
                try:
                    arrays[key] = _array(content, name)
                except CurveError as error:
                    refused.append(str(error))
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, CurveError):
            raise
        raise CurveError(f"{name} is a damaged npz file ({error}); save it again.") from None
    except Exception as error:  # zlib's error is no public class of zipfile
        if type(error).__module__ not in ("zlib", "lzma", "struct"):
            raise
        raise CurveError(f"{name} is a damaged npz file ({error}); save it again.") from None
    columns = {key: array for key, array in arrays.items() if array.ndim in (1, 2) and max(array.shape, default=0) > 1}
    if not columns:
        raise CurveError(refused[0] if refused else f"{name} holds no array of one axis (it has {listed(arrays)}).")
    times = _clock(columns)
    length = len(columns[times]) if times else max(len(array) for array in columns.values())
    kept: dict[str, np.ndarray] = {}
    for key, array in columns.items():
        if array.ndim == 1 and len(array) == length:
            kept[key] = array
        elif array.ndim == 2 and length in array.shape and array.shape[0] != array.shape[1]:
            axis = 1 if array.shape[0] == length else 0
            kept[key] = array.mean(axis=axis)
            notes.append(f"`{key}` of shape {array.shape} is averaged over its other axis.")
    log = _log(kept, name, "npz")
    log.tables[0].clock = times or ""
    log.notes += notes + ([f"{len(refused)} object arrays are left out unread."] if refused else [])
    return log


def _clock(columns: dict[str, np.ndarray]) -> str | None:
    """Return the name of the array of times."""
    ones = [key for key, array in columns.items() if array.ndim == 1]
    for name in _CLOCKS:
        result = next((key for key in ones if key.lower() == name), None)
        if result is not None:
            return result
    return next((key for key in ones if counter_rank(key) is not None), None)


def _array(content: bytes, name: str) -> np.ndarray:
    try:
        header = io.BytesIO(content)
        version = np.lib.format.read_magic(header)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(header, max_header_size=10_000)
        if dtype.hasobject:
            raise CurveError(
                f"{name} holds an array of Python objects, a pickle that can run code when it is read, and is "
                "refused unread; "
                "save arrays of numbers with `numpy.savez`."
            )
        count = 1
        for size in shape:
            count *= int(size)
        if count * dtype.itemsize > len(content):
            raise CurveError(f"{name} is cut: it promises shape {shape} and holds less; copy it again.")
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except CurveError:
        raise
    except Exception as error:  # a damaged header is evaluated as a literal and fails in many ways
        raise CurveError(
            f"{name} is a damaged npy file ({' '.join(str(error).split())[:120]}); save it again."
        ) from None
    if array.dtype.names is None and array.dtype.kind not in "fiub":
        raise CurveError(f"{name} is an array of {array.dtype}, not of real numbers; save the curve as such.")
    return array


def _log(columns: dict[str, np.ndarray], name: str, kind: str) -> Log:
    made = [
        Column(key, np.asarray(array, dtype=np.float64), None, number)
        for number, (key, array) in enumerate(columns.items(), start=1)
        if array.dtype.kind in "fiub"
    ]
    if not made:
        raise CurveError(f"{name} holds no array of numbers over time.")
    return Log(kind, [Table(made, max(len(column) for column in made), None, "entry")])
