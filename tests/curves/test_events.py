"""TensorBoard event files beside the `tensorboard` package that wrote them."""

import importlib
import struct
import time

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.curves.formats.events import masked_crc

pytest.importorskip("tensorboard")


def message(name, module):
    """A class of messages of the package, whose modules are made by protobuf and have no names for type checkers."""
    return getattr(importlib.import_module(f"tensorboard.compat.proto.{module}_pb2"), name)


Event, Summary, TensorProto = message("Event", "event"), message("Summary", "summary"), message("TensorProto", "tensor")
STEPS = np.arange(0, 3000, 10)
LOSS = np.exp(-STEPS / 500.0)


def write(folder, record, repeat=1):
    """Write an event file by the package; `record` makes the values of a step."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))
    for step, loss in zip(STEPS, LOSS, strict=True):
        for _ in range(repeat):
            writer.add_event(
                Event(wall_time=1.7e9 + step, step=int(step), summary=Summary(value=record(Summary, step, loss)))
            )
    writer.close()
    return next(folder.glob("*tfevents*"))


def simple(summary, step, loss):
    return [summary.Value(tag="train/loss", simple_value=loss), summary.Value(tag="lr", simple_value=0.1)]


def tensor(make):
    def record(summary, step, loss):
        return [summary.Value(tag="train/loss", tensor=make(np.float32(loss)))]

    return record


def as_content(kind, dtype):
    def make(loss):
        return TensorProto(dtype=kind, tensor_content=np.array(loss, dtype=dtype).tobytes())

    return make


def as_list(field, kind):
    def make(loss):
        return TensorProto(dtype=kind, **{field: [float(loss)]})

    return make


def check(curve, rtol=1e-6):
    np.testing.assert_array_equal(curve.time, STEPS)
    np.testing.assert_allclose(curve.value, LOSS, rtol=rtol)
    assert curve.x == "step"
    return True


def test_simple_values(tmp_path):
    path = write(tmp_path, simple)
    curve = ss.read_curve(path)
    assert (curve.y, curve.format) == ("train/loss", "TensorBoard events")
    assert check(curve)
    np.testing.assert_allclose(ss.read_curve(path, "lr").value, 0.1, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "rtol"),
    [
        (as_content(1, "<f4"), 1e-6),
        (as_content(2, "<f8"), 1e-6),
        (as_content(19, "<f2"), 1e-2),
        (as_list("float_val", 1), 1e-6),  # packed
        (as_list("double_val", 2), 1e-6),
    ],
)
def test_scalars_as_tensors(tmp_path, make, rtol):
    assert check(ss.read_curve(write(tmp_path, tensor(make))), rtol)


def test_tensors_of_many_entries_are_no_scalars(tmp_path):
    def vector(summary, step, loss):
        big = TensorProto(dtype=1, tensor_content=np.zeros(5000, dtype="<f4").tobytes())
        return [summary.Value(tag="weights", tensor=big), summary.Value(tag="train/loss", simple_value=loss)]

    path = write(tmp_path, vector)
    assert check(ss.read_curve(path))
    with pytest.raises(ss.CurveError, match="no column 'weights'"):
        ss.read_curve(path, "weights")


def test_a_truncated_end_is_read_up_to(tmp_path):
    data = write(tmp_path, simple).read_bytes()
    path = tmp_path / "cut.tfevents"
    path.write_bytes(data[:-30])
    curve = ss.read_curve(path)
    assert len(curve) == len(STEPS) - 1
    assert any("is written in part" in note for note in curve.notes)


def test_a_flipped_bit_never_becomes_a_value(tmp_path):
    data = bytearray(write(tmp_path, simple).read_bytes())
    rng = np.random.default_rng(5)
    path = tmp_path / "flipped.tfevents"
    for _ in range(20):
        flipped = bytearray(data)
        flipped[int(rng.integers(200, len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        curve = ss.read_curve(path, "train/loss")
        # whatever is read is right: the checksum of the record guards it
        np.testing.assert_allclose(curve.value, np.exp(-curve.time / 500.0), rtol=1e-5)
        assert any("damaged" in note for note in curve.notes)


def test_a_folder_gives_a_curve_for_each_run(tmp_path):
    for run in ("a/train", "b/train"):
        write(tmp_path / run, simple)
    curves = ss.read_curves(tmp_path)
    assert [curve.run for curve in curves] == ["a/train", "b/train"]
    assert all(check(curve) for curve in curves)
    assert len(ss.read_curves(tmp_path, ["lr", "train/loss"])) == 4


def test_the_files_of_a_resumed_run_belong_together(tmp_path):
    first = write(tmp_path / "one", simple)
    data = first.read_bytes()
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "events.out.tfevents.1.host").write_bytes(data[: len(data) * 2 // 3])
    (folder / "events.out.tfevents.2.host").write_bytes(data)
    assert check(ss.read_curve(folder))


def test_no_scalars(tmp_path):
    path = write(tmp_path, lambda summary, step, loss: [])
    with pytest.raises(ss.CurveError, match="no scalar"):
        ss.read_curve(path)


def test_forty_thousand_scalars_are_quick(tmp_path):
    path = tmp_path / "many.tfevents"
    body = write(tmp_path / "some", simple).read_bytes()
    path.write_bytes(body * 67)  # 40 200 scalars in 20 100 records
    begin = time.perf_counter()
    curves = ss.read_curves(path)
    seconds = time.perf_counter() - begin
    assert len(curves) == 1
    assert seconds < 3  # 0.3 s alone; a machine under load gets ten times that


def test_checksum_of_the_standard():
    # RFC 3720, B.4: 32 bytes of zeros, and the masking of the TFRecord format
    crc = 0x8A9136AA
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert int(masked_crc(np.zeros((1, 32), dtype=np.uint8))[0]) == masked
    assert struct.pack("<I", masked) != struct.pack("<I", crc)
