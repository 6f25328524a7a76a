"""Runs, resumes, counters within epochs and what counts as zero, each on times whose truth is plain."""

import numpy as np
import pytest

import saddlescope as ss


@pytest.fixture
def read(tmp_path):
    def reading(time, value=None, x="step", y="loss", more="", cells=(), how=None, **options):
        value = np.linspace(2, 1, len(time)) if value is None else value
        path = tmp_path / "log.csv"
        rows = [
            f"{t},{v}" + (f",{cells[k]}" if len(cells) else "")
            for k, (t, v) in enumerate(zip(time, value, strict=True))
        ]
        path.write_text("\n".join([f"{x},{y}{more}", *rows, ""]))
        return (how or ss.read_curve)(path, **options)

    return reading


def test_a_restart_is_a_new_run_and_the_last_is_taken(read):
    time = [*range(0, 500, 10), *range(0, 300, 10), *range(0, 900, 10)]
    value = [*[3.0] * 50, *[2.0] * 30, *[1.0] * 90]
    curve = read(time, value)
    assert (len(curve), curve.run, set(curve.value)) == (90, "3 of 3", {1.0})
    assert "3 runs in one file (50, 30 and 90 points); the last is taken (--run for another)." in curve.notes
    assert set(read(time, value, run=2).value) == {2.0}
    assert len(read(time, value, run="all", how=ss.read_curves)) == 3


def test_a_restart_that_has_hardly_begun_does_not_hide_the_run_before(read):
    curve = read([*range(0, 500, 10), 0, 10, 20])
    assert (len(curve), curve.run) == (50, "1 of 2")
    assert any("the last is too short" in note for note in curve.notes)


def test_back_a_little_and_past_the_old_end_is_a_resume(read):
    time = [*range(10, 510, 10), *range(410, 810, 10)]
    value = [*[2.0] * 50, *[1.0] * 40]
    curve = read(time, value)
    np.testing.assert_array_equal(curve.time, np.arange(10, 810, 10))
    np.testing.assert_array_equal(curve.value, [2.0] * 40 + [1.0] * 40)  # later values win
    (note,) = [note for note in curve.notes if "resume" in note]
    assert (
        note
        == "step goes back from 500 (line 51) to 410 (line 52): taken for a resume, 10 earlier points are replaced."
    )


def test_single_rows_out_of_order_are_sorted(read):
    time = np.arange(10, 510, 10)
    shuffled = time.copy()
    shuffled[[20, 21]] = shuffled[[21, 20]]
    curve = read(shuffled, 1.0 / shuffled)
    np.testing.assert_array_equal(curve.time, time)
    np.testing.assert_allclose(curve.value, 1 / time)
    assert any("out of order at line 23 sorted in" in note for note in curve.notes)


def test_rows_in_reverse_order_are_sorted(read):
    time = np.arange(500, 0, -10)
    curve = read(time, 1.0 / time)
    np.testing.assert_allclose(curve.value, 1 / curve.time)
    assert any("sorted" in note for note in curve.notes)


def test_a_counter_within_epochs_is_counted_through(read):
    time = np.tile(np.arange(0, 100, 10), 6)
    curve = read(time, more=",epoch", cells=np.repeat(np.arange(6), 10))
    np.testing.assert_array_equal(curve.time, np.arange(0, 600, 10))
    assert "step starts again in each epoch: counted through." in curve.notes


def test_a_restart_of_such_a_counter_is_still_a_restart(read):
    time = np.tile(np.arange(0, 100, 10), 6)
    epoch = np.repeat([0, 1, 0, 1, 2, 3], 10)
    curve = read(time, more=",epoch", cells=epoch)
    assert curve.run == "2 of 2"
    np.testing.assert_array_equal(curve.time, np.arange(0, 400, 10))


def test_global_step_goes_before_a_step_within_epochs(read):
    time = np.tile(np.arange(10), 6)
    curve = read(time, more=",global_step", cells=np.arange(0, 600, 10))
    assert curve.x == "global_step"


def test_a_column_that_falls_is_no_clock(read):
    rng = np.random.default_rng(0)
    curve = read(rng.integers(0, 5, 60), more=",epoch", cells=np.arange(60))
    assert curve.x == "epoch"
    assert read(rng.integers(0, 5, 60)).x == "row number"


def test_epochs_from_zero_count_from_one(read):
    curve = read(range(30), x="epoch")
    assert (curve.time[0], curve.time_label, curve.time_offset) == (1, "epoch + 1", -1)
    assert read(range(30), x="epoch", count_from="raw").time[0] == 0
    assert read(range(1, 31), x="epoch").time_label == "epoch"
    assert read(np.arange(30) / 2, x="epoch").time[0] == 0  # parts of epochs are no counts


def test_step_zero_is_kept(read):
    assert read(range(0, 300, 10)).time[0] == 0


def test_a_first_step_far_from_zero_counts_from_the_start_of_the_file(read):
    time = np.arange(100_100, 120_100, 100)
    curve = read(time)
    np.testing.assert_array_equal(curve.time, np.arange(100, 20_100, 100))
    assert read(time, count_from="raw").time[0] == 100_100
    assert read(time, count_from=90_000).time[0] == 10_100
    # a first step of the size of the spacing is not far
    assert read(np.arange(1000, 50_000, 1000)).time_offset == 0
    # a curve that begins late in a file that begins at zero is not counted anew
    value = np.where(np.arange(0, 20_000, 100) < 15_000, "", "0.5")
    curve = read(np.arange(0, 20_000, 100), value)
    assert (len(curve), curve.time[0]) == (50, 15_000)


def test_points_before_the_zero_are_left_out_and_counted(read):
    curve = read(range(0, 300, 10), count_from=105)
    assert curve.time[0] == 5
    assert "11 points before 105 are left out." in curve.notes


def test_several_values_at_a_time(read):
    time = np.repeat(np.arange(1, 41), 3)
    curve = read(time, np.tile([1.0, 2.0, 6.0], 40))
    assert len(curve) == 40
    assert set(curve.value) == {3.0}
    time = [*range(1, 41), 41, 41]
    assert read(time, [*[1.0] * 41, 5.0]).value[-1] == 5.0


def test_records_without_a_value_are_neither_points_nor_restarts(read):
    value = np.ones(60).astype(str)
    value[30:] = ""
    curve = read([*range(10, 310, 10), *range(10, 310, 10)], value)
    assert (len(curve), curve.run) == (30, "")
    assert "30 of 60 rows have no loss and are no points." in curve.notes


def test_numbers_in_full_width_and_quick_reading_agree(read):
    rng = np.random.default_rng(3)
    time = np.arange(1, 30_001)
    value = rng.standard_normal(30_000) * 10.0 ** rng.integers(-140, 90, 30_000)
    value[[5, 20_000]] = np.nan, -np.inf
    quick = read(time, [repr(float(v)) for v in value])
    np.testing.assert_array_equal(quick.value, value[np.isfinite(value)])
    assert str(quick.left_out) == "1 nan, 1 inf left out, first at line 7"
    slow = read(time, [repr(float(v)) for v in value], more=",note", cells=["word"] * 30_000)
    np.testing.assert_array_equal(slow.value, quick.value)
