"""Bytes of a file: unpacked where gzip packed them, refused unread where they could run code, else turned into text."""

from __future__ import annotations

import re
import zlib

from saddlescope.curves.refusals import CurveError

# More than this is not read: 40 million rows of a CSV file.
MOST_BYTES = 2**31
# Real logs pack to a fiftieth at best; what unpacks to more than 64 MB and a hundred times its size is a bomb.
_BOMB_BYTES, _BOMB_RATIO = 2**26, 100
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_ADVICE = "save it as CSV, JSON or npz (`numpy.savez`) and read that"


def unpacked(data: bytes, name: str) -> bytes:
    """Return the bytes behind gzip, if that is what packed them; a truncated end is read as far as it goes."""
    rounds = 0
    while data[:2] == b"\x1f\x8b":
        rounds += 1
        if rounds > 2:
            raise CurveError(f"{name} is packed by gzip more than twice; unpack it first.")
        parts: list[bytes] = []
        size, rest = 0, data
        while rest[:2] == b"\x1f\x8b":  # gzip files may be appended to each other
            unpacker, fed = zlib.decompressobj(wbits=31), 0
            try:
                while fed < len(rest) and not unpacker.eof:
                    piece = unpacker.decompress(rest[fed : fed + 65536])
                    fed += 65536
                    parts.append(piece)
                    size += len(piece)
                    if (size > _BOMB_BYTES and size > _BOMB_RATIO * len(data)) or size > MOST_BYTES:
                        raise CurveError(
                            f"{name} unpacks to more than {size / 2**20:.0f} MB, {size // max(len(data), 1)} "
                            "times its size, "
                            "which no log does; unpack it yourself and read the result."
                        )
            except zlib.error as error:
                if not size:
                    raise CurveError(f"{name} is a damaged gzip file ({error}); copy it again.") from None
                break
            rest = unpacker.unused_data if unpacker.eof else b""
        data = b"".join(parts)
    return data


def refuse_unread(data: bytes, name: str) -> None:
    """Refuse what must not or cannot be read: pickles, torch files, other archives and binaries.

    Raises: CurveError with the advice what to save instead.
    """
    start = data[:64]
    if re.match(rb"\x80[\x01-\x06]", start) or (
        re.match(rb"(?:\((?:dp|lp|i)|c[A-Za-z_.]+\n[A-Za-z_.]+\n|\]q|\}q)", start) and data.rstrip()[-1:] == b"."
    ):
        raise CurveError(f"{name} is a pickle, which can run code when it is read, and is refused unread; {_ADVICE}.")
    if start[:4] == b"PK\x03\x04":
        if b"data.pkl" in data[:4096] or b"/version" in data[:256]:
            raise CurveError(
                f"{name} is a torch file, a pickle that can run code when it is read, and is refused unread; {_ADVICE}."
            )
        if b"[Content_Types].xml" in data[:4096] or b"xl/" in data[:8192] or b"mimetype" in data[:64]:
            raise CurveError(f"{name} is a spreadsheet; export the sheet as CSV and read that.")
    for magic, what in (
        (b"BZh", "a bzip2 archive; unpack it first (`bunzip2`)"),
        (b"\xfd7zXZ\x00", "an xz archive; unpack it first (`unxz`)"),
        (b"\x28\xb5\x2f\xfd", "a zstandard archive; unpack it first (`unzstd`)"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive; unpack it first"),
        (b"\x89PNG", "a picture; its numbers are needed: export them as CSV"),
        (b"\xff\xd8\xff", "a picture; its numbers are needed: export them as CSV"),
        (b"%PDF", "a PDF; its numbers are needed: export them as CSV"),
        (b"\xd0\xcf\x11\xe0", "an old spreadsheet; export the sheet as CSV and read that"),
        (b"\x7fELF", "a program, not a log"),
        (b"MATLAB 5.0 MAT-file", "a MATLAB file; save the curve as CSV and read that"),
    ):
        if start.startswith(magic):
            raise CurveError(f"{name} is {what}.")
    if data[257:262] == b"ustar":
        raise CurveError(f"{name} is a tar archive; unpack it first and read the log in it.")


def as_text(data: bytes, name: str) -> str:
    """Return the text of a file: UTF-8, UTF-16 with or without a mark, else Latin-1; without ANSI colours."""
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and len(data) > 2:
        text = data.decode("utf-16", "replace")
    else:
        head = data[:4000]
        odd, even = head[1::2].count(0), head[0::2].count(0)
        if len(head) > 8 and max(odd, even) > 0.4 * len(head) / 2 and min(odd, even) < 0.05 * len(head) / 2:
            text = data.decode("utf-16-le" if odd > even else "utf-16-be", "replace")
        else:
            sample = data[:65536]
            controls = len(sample) - len(sample.translate(None, bytes([*range(8), *range(14, 27), 28, 29, 30, 31])))
            if controls > 0.02 * len(sample) + 3:
                raise CurveError(
                    f"{name} is a binary file of no known format; what is read are CSV, JSON, printed logs, "
                    "TensorBoard "
                    "event files, MLflow, npy, npz, netCDF of saddlescope and Parquet."
                )
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = data.decode("latin-1")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\x08" in text:
        text = re.sub("\x08+", "\r", text)  # a progress bar that goes back by single characters
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\n" not in text and text.count("\r") > 1:
            text = text.replace("\r", "\n")
    return text.replace("\x00", "") if "\x00" in text else text
