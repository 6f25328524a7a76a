"""Formats beside the open cases, each written as its program writes it; what is read is the curve that was written."""

import gzip
import io
import json
import sqlite3

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.solve import Outcome

STEPS = np.arange(10, 410, 10)
LOSS = np.round(2.0 * np.exp(-STEPS / 100) + 0.1, 6)
ACC = np.round(1 - LOSS / 3, 6)


@pytest.fixture
def read(tmp_path):
    """Write a text and read the curve in it."""

    def reading(content, y=None, name="log.txt", **how):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ss.read_curve(path, y, **how)

    return reading


def is_the_curve(curve, time=STEPS, value=LOSS):  # arrays of shape (n,)
    np.testing.assert_allclose(curve.time, time)
    np.testing.assert_allclose(curve.value, value)
    return True


def lines(pattern, **columns):
    """One line for each step."""
    columns = {"step": STEPS, "loss": LOSS, "acc": ACC, "k": np.arange(len(STEPS)), **columns}
    return "".join(pattern.format(**{name: c[i] for name, c in columns.items()}) for i in range(len(STEPS)))


def rows(separator, decimal="."):
    body = lines(f"{{step}}{separator}{{loss}}{separator}{{acc}}\n")
    return f"step{separator}loss{separator}acc\n" + (body.replace(".", decimal) if decimal != "." else body)


# ------------------------------------------------------------------------------------------------ tables of text


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   "])
def test_separators(read, separator):
    assert is_the_curve(read(rows(separator)))


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_a_decimal_comma_where_the_separator_is_none(read, separator):
    curve = read(rows(separator, ","))
    assert is_the_curve(curve)
    assert "Numbers have a decimal comma." in curve.notes


def test_separator_and_decimal_can_be_forced(read):
    assert is_the_curve(read(rows(";", ","), separator=";", decimal=","))
    with pytest.raises(ss.CurveError, match="cannot both be a comma"):
        read(rows(","), separator=",", decimal=",")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings(read, encoding):
    text = rows(",").replace("acc", "größe" if encoding == "latin-1" else "acc").replace("\n", "\r\n")
    assert is_the_curve(read(text.encode(encoding)))


def test_gzip_by_its_first_bytes(read):
    assert is_the_curve(read(gzip.compress(rows(",").encode()), name="log.csv"))
    cut = gzip.compress(rows(",").encode())[:-40]
    assert len(read(cut)) > 8


def test_a_bomb_is_not_unpacked(read):
    with pytest.raises(ss.CurveError, match="unpacks to more than"):
        read(gzip.compress(b"0" * (80 << 20), 1))


def test_carriage_returns_alone_end_lines(read):
    assert is_the_curve(read(rows(",").replace("\n", "\r")))


def test_a_header_in_a_comment(read):
    assert read("# step loss acc\n" + lines("{step} {loss} {acc}\n")).y == "loss"


def test_an_index_without_a_name_is_no_curve(read):
    curve = read(",step,loss\n" + lines("{k},{step},{loss}\n"))
    assert is_the_curve(curve)
    assert not any("column 1" in note for note in curve.notes)


def test_quoted_cells_and_separators_at_the_end(read):
    assert is_the_curve(read('"step","loss, mean",\n' + lines('"{step}","{loss}",\n')))


def test_a_row_that_is_still_being_written_is_left_out(read):
    whole = rows(",")
    curve = read(whole + "410,0.1")
    assert is_the_curve(curve)
    assert any("written in part" in note for note in curve.notes)
    assert len(read(whole.rstrip("\n"))) == len(STEPS)  # a whole row needs no newline


def test_columns_that_change_within_the_file(read):
    more = "step,loss,acc,val_loss\n" + "".join(f"{s},{0.1},{0.9},{0.2}\n" for s in range(410, 510, 10))
    assert len(read(rows(",") + more)) == len(STEPS) + 10


def test_long_form_by_metric(read):
    text = "metric,step,value\n" + lines("train/loss,{step},{loss}\ntrain/acc,{step},{acc}\n")
    assert is_the_curve(read(text))
    assert is_the_curve(read(text, "train/acc"), value=ACC)


def test_rows_of_training_and_validation(read):
    text = "epoch,split,loss\n" + lines("{k},train,{loss}\n{k},val,{acc}\n")
    assert is_the_curve(read(text), time=np.arange(1, 41))
    assert is_the_curve(read(text, "val/loss"), time=np.arange(1, 41), value=ACC)


def test_numbers_as_programs_print_them(read):
    text = "step,loss\n" + lines("{step},tensor({loss}, device='cuda:0')\n").replace(", device='cuda:0'", "")
    assert is_the_curve(read(text))
    assert is_the_curve(read("step,acc\n" + lines("{step},{acc}%\n")), value=ACC)


def test_fastai_and_its_clock(read):
    text = "epoch,train_loss,valid_loss,accuracy,time\n" + lines("{k},{loss},{acc},{acc},00:15\n")
    curve = read(text)
    assert curve.format == "fastai CSVLogger"
    assert curve.y == "train_loss"
    assert is_the_curve(curve, time=np.arange(1, 41))


def test_one_column_of_numbers_is_counted_by_rows(read):
    curve = read(lines("{loss}\n"))
    assert is_the_curve(curve, time=np.arange(1, 41))
    assert curve.x == "row number"


# --------------------------------------------------------------------------------------------------------- JSON


def records(**also):
    return [{"step": int(s), "loss": float(v), **also} for s, v in zip(STEPS, LOSS, strict=True)]


def test_a_list_of_records(read):
    assert is_the_curve(read(json.dumps(records(tag="a", nested=[1, 2], flag=True))))


def test_a_broken_off_document_is_read_to_its_last_record(read):
    whole = json.dumps({"best": None, "log_history": records()}, indent=1)
    curve = read(whole[: len(whole) // 2])
    assert 15 < len(curve) < 25
    np.testing.assert_allclose(curve.value, LOSS[: len(curve)])
    assert any("broken off" in note for note in curve.notes)


def test_a_dictionary_of_lists_as_keras_has_it(read):
    curve = read(json.dumps({"loss": LOSS.tolist(), "val_loss": ACC.tolist()}))
    assert is_the_curve(curve, time=np.arange(1, 41))
    assert curve.format == "Keras history"


def test_evaluations_of_boosting(read):
    curve = read(json.dumps({"train": {"logloss": LOSS.tolist()}, "eval": {"logloss": ACC.tolist()}}))
    assert curve.y == "train/logloss"


def test_sacred_and_plotly(read):
    text = json.dumps({"training.loss": {"steps": STEPS.tolist(), "values": LOSS.tolist(), "timestamps": ["t"] * 40}})
    assert is_the_curve(read(text))
    assert is_the_curve(read(json.dumps({"loss": {"train": {"x": STEPS.tolist(), "y": LOSS.tolist()}}})))


def test_metrics_one_a_record(read):
    entries = [
        {"metricName": "loss", "metricValue": str(v), "step": int(s), "timestamp": 1.7e12}
        for s, v in zip(STEPS, LOSS, strict=True)
    ]
    assert is_the_curve(read(json.dumps(entries)))


def test_tensorboard_json_download(read):
    assert is_the_curve(
        read(json.dumps([[1.7e9 + k, int(s), float(v)] for k, (s, v) in enumerate(zip(STEPS, LOSS, strict=True))]))
    )


def test_nan_as_a_word_is_counted_and_placed(read):
    entries = records()
    entries[3]["loss"], entries[7]["loss"] = "NaN", "-Infinity"
    curve = read("\n".join(map(json.dumps, entries)))
    assert str(curve.left_out) == "1 nan, 1 inf left out, first at line 4"
    assert len(curve) == 38


def test_nested_records_and_media(read):
    entries = [
        {"_step": int(s), "train": {"loss": float(v)}, "hist": {"_type": "histogram", "values": 3}}
        for s, v in zip(STEPS, LOSS, strict=True)
    ]
    curve = read("\n".join(map(json.dumps, entries)))
    assert curve.y == "train/loss"
    assert is_the_curve(curve)


def test_mmengine_records_of_two_modes(read):
    text = ""
    for epoch in range(1, 5):
        for k in range(10):
            at = (epoch - 1) * 10 + k
            text += (
                json.dumps({"mode": "train", "epoch": epoch, "iter": 10 * (k + 1), "lr": 0.1, "loss": float(LOSS[at])})
                + "\n"
            )
        text += json.dumps({"mode": "val", "epoch": epoch, "iter": 500, "bbox_mAP": 0.1 * epoch}) + "\n"
    curve = read(text)
    assert is_the_curve(curve)  # iterations are counted through the epochs
    assert any("counted through" in note for note in curve.notes)


def test_catboost(read):
    document = {
        "meta": {"learn_metrics": [{"name": "Logloss"}], "test_metrics": [{"name": "Logloss"}]},
        "iterations": [
            {"iteration": k, "learn": [float(v)], "test": [1.0], "passed_time": 0.1} for k, v in enumerate(LOSS)
        ],
    }
    curve = read(json.dumps(document))
    assert (curve.x, curve.y) == ("iteration", "learn/Logloss")
    assert is_the_curve(curve, time=np.arange(40))


# ------------------------------------------------------------------------------------------------- printed logs

PRINTED = {
    "llm.c": "s:{step} trl:{loss}\n",
    "modded": "step:{step}/3300 train_loss:{loss} train_time:12345ms step_avg:98.7ms\n",
    "megatron": " iteration {step:8d}/  500000 | consumed samples: 25600 | elapsed time per iteration (ms): 1024.2 | "
    "learning rate: 1.5E-04 | global batch size:   256 | lm loss: {loss} | loss scale: 1.0 | grad norm: 2.3 | "
    "number of skipped iterations:   0 | number of nan iterations:   0 |\n",
    "deepspeed": "steps: {step} loss: {loss} iter time (s): 0.512 samples/sec: 100.1\n",
    "fairseq": "2021-01-01 10:00:00 | INFO | train_inner | epoch 001:    100 / 1000 loss={loss}, ppl=9.1, wps=1000, "
    "num_updates={step}, lr=0.0005\n",
    "colon": "[2024-01-01 10:00:00,123][INFO][root] step {step}: loss {loss}, acc {acc}\n",
    "equals": "step={step} loss={loss} lr=1e-4\n",
    "bars": "step {step:6d} | loss: {loss} | lr 1.0e-04 | norm 0.5 | dt: 100.5ms | tok/sec: 12345.6\n",
    "coloured": "\x1b[32mINFO\x1b[0m iter {step} \x1b[1mloss\x1b[0m: {loss}\n",
    "dictionary": "{{'loss': {loss}, 'grad_norm': 1.5, 'step': {step}}}\n",
    "json": 'INFO:root: {{"step": {step}, "loss": {loss}, "lr": "0.001"}}\n',
}


@pytest.mark.parametrize("kind", PRINTED)
def test_printed(read, kind):
    noise = "Loading data from /data/set1\nnumber of parameters: 10.65M\nbatch_size = 64\n"
    assert is_the_curve(read(noise + lines(PRINTED[kind])))


def test_boosting_counts_rounds(read):
    assert is_the_curve(read(lines("[{k}]\ttrain-logloss:{loss}\teval-logloss:{acc}\n")), time=np.arange(40))
    assert is_the_curve(
        read(lines("[{k}]\ttraining's binary_logloss: {loss}\tvalid_1's binary_logloss: {acc}\n")), time=np.arange(40)
    )
    catboost = lines("{k}:\tlearn: {loss}\ttest: {acc}\tbest: 0.1 (3)\ttotal: 50ms\tremaining: 1m 2s\n")
    curve = read(catboost)
    assert curve.y == "learn"
    assert is_the_curve(curve, time=np.arange(40))


def test_keras_progress_of_which_the_last_state_counts(read):
    text = ""
    for k in range(40):
        bar = " 1/100 [......] - ETA: 5s - loss: 9.9\r 50/100 [===>..] - ETA: 2s - loss: 8.8\r"
        text += f"Epoch {k + 1}/40\n{bar}100/100 [======] - 5s 50ms/step - "
        text += f"loss: {LOSS[k]} - accuracy: {ACC[k]} - val_loss: 1.5\n"
        text += f"\nEpoch {k + 1}: val_loss improved from inf to 0.33, saving model to m.h5\n"
    assert is_the_curve(read(text), time=np.arange(1, 41))
    three = text.replace("[======] - 5s 50ms/step", "━━━━━━━━━━ 5s 50ms/step")
    assert is_the_curve(read(three, "accuracy"), time=np.arange(1, 41), value=ACC)


def test_keras_progress_that_goes_back_by_characters(read):
    text = lines("Epoch {k}/40\n 1/9 [..] - loss: 7.7\b\b\b\b\b\b\b 9/9 [==] - 1s - loss: {loss}\n", k=np.arange(1, 41))
    assert is_the_curve(read(text), time=np.arange(1, 41))


def test_a_bar_that_goes_on_over_epochs(read):
    states = [
        f"Epoch {k}: {p}%|##| {p}/100 [00:01<00:00, v_num=0, train_loss={LOSS[k] if p == 100 else 9}]"
        for k in range(40)
        for p in (50, 100)
    ]
    curve = read("\r".join(states) + "\n")
    assert is_the_curve(curve, time=np.arange(1, 41))


def test_one_bar_for_the_whole_run(read):
    states = [
        f" {k}%|#  | {s}/400 [00:01<00:09, 9.9it/s, loss={v}]" for k, (s, v) in enumerate(zip(STEPS, LOSS, strict=True))
    ]
    assert is_the_curve(read("\r".join(states)))


def test_progress_in_brackets_is_counted_through_epochs(read):
    text = "".join(
        ("" if k % 10 else f"Epoch {k // 10 + 1}\n-------------------------------\n")
        + f"loss: {LOSS[k]:>7f}  [{(k % 10 + 1) * 10:>5d}/  100]\n".replace("/  ", "/")
        for k in range(40)
    )
    assert is_the_curve(read(text))


def test_columns_in_another_language(read):
    curve = read("Schritt;Verlust;Genauigkeit\n" + lines("{step};{loss};{acc}\n").replace(".", ","))
    assert (curve.x, curve.y) == ("Schritt", "Verlust")
    assert is_the_curve(curve)


def test_mmdetection_lines_are_counted_through_epochs(read):
    text = "".join(
        f"2021-05-01 10:00:00,123 - mmdet - INFO - Epoch [{1 + k // 10}][{10 * (k % 10 + 1)}/100]\tlr: "
        "2.000e-02, eta: 1:02:03, "
        f"time: 0.512, data_time: 0.010, memory: 3800, loss_cls: 0.5, loss: {LOSS[k]}\n"
        for k in range(40)
    )
    curve = read(text)
    assert curve.y == "loss"
    assert is_the_curve(curve)


def test_imagenet_lines(read):
    text = "".join(
        f"Epoch: [{k // 10}][ {k % 10}/10]\tTime  0.5 ( 1.2)\tLoss {LOSS[k]:.8e} (6.95e+00)\tAcc@1   0.00 (  0.10)\n"
        for k in range(40)
    )
    curve = read(text, "Loss")
    assert is_the_curve(curve, time=np.arange(40))


def test_espnet_results(read):
    text = "".join(
        f"[host] 2021-05-01 10:00:00,123 (trainer:338) INFO: {k + 1}epoch results: [train] iter_time=1.2e-04, "
        f"loss={LOSS[k]}, "
        f"acc=0.3, [valid] loss_ctc=3.1, loss={ACC[k]}\n"
        for k in range(40)
    )
    assert is_the_curve(read(text), time=np.arange(1, 41))
    assert is_the_curve(read(text, "valid/loss"), time=np.arange(1, 41), value=ACC)


def test_boxed_tables(read):
    text = lines(
        "----------------------------------\n| rollout/            |            |\n|    ep_rew_mean      | "
        "{loss}     |\n"
        "| time/               |            |\n|    fps              | 1000       |\n|    total_timesteps  | "
        "{step}     |\n"
        "----------------------------------\n"
    )
    curve = read(text)
    assert (curve.x, curve.y) == ("time/total_timesteps", "rollout/ep_rew_mean")
    assert is_the_curve(curve)


def test_program_text_yields_no_points(read):
    program = "import torch\nfor step in range(10):\n    loss = step / 2.0  # step 3: loss 9.9\n"
    program += '    print(f"step {step}: loss {loss}")\n'
    assert is_the_curve(read(program + lines("step {step}: loss {loss}\n")))
    with pytest.raises(ss.CurveError):
        read(program)


def test_validation_lines_keep_their_own_clock(read):
    text = "".join(
        f"iter {k}: loss {LOSS[k % 40]}, time 10ms\n" + (f"step {k}: val loss {k / 10}\n" if k % 10 == 0 else "")
        for k in range(200)
    )
    curve = read(text, "val loss")
    assert is_the_curve(curve, time=np.arange(0, 200, 10), value=np.arange(20.0))


# ------------------------------------------------------------------------------------------------ arrays and more


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def test_npz_and_npy(read):
    runs = np.stack([LOSS - 0.01, LOSS + 0.01])
    content = saved(np.savez_compressed, steps=STEPS, loss=runs)
    curve = read(content, "loss")
    assert is_the_curve(curve)
    assert any("averaged over its other axis" in note for note in curve.notes)
    assert is_the_curve(read(saved(np.save, np.stack([STEPS, LOSS], axis=1))))
    assert is_the_curve(read(saved(np.save, LOSS)), time=np.arange(1, 41))


def test_object_arrays_and_torch_files_are_refused_unread(read):
    with pytest.raises(ss.CurveError, match="refused unread"):
        read(saved(np.save, np.array([{"loss": 1}], dtype=object), allow_pickle=True))
    with pytest.raises(ss.CurveError, match="refused unread"):
        read(saved(np.savez, a=np.array([{"loss": 1}], dtype=object), allow_pickle=True))
    with pytest.raises(ss.CurveError, match="torch file"):
        read(b"PK\x03\x04" + b"\0" * 26 + b"archive/data.pklFB" + b"\0" * 100)
    with pytest.raises(ss.CurveError, match="pickle"):
        read(b"(dp0\nVloss\np1\n(lp2\nF1.0\nas.")


def test_a_saved_trajectory(tmp_path):
    trajectory = ss.Trajectory(
        "made", {"risk": LOSS}, {"risk": ("time",)}, {"time": STEPS - 10.0}, outcome=Outcome.REACHED_END
    )
    trajectory.save(tmp_path / "run.nc")
    curve = ss.read_curve(tmp_path / "run.nc", "risk")
    assert is_the_curve(curve, time=STEPS - 10)


def test_mlflow_files_and_folder(tmp_path):
    metrics = tmp_path / "mlruns" / "0" / "abc123" / "metrics" / "train"
    metrics.mkdir(parents=True)
    (metrics / "loss").write_text(
        "".join(f"{1700000000000 + k} {v} {s}\n" for k, (s, v) in enumerate(zip(STEPS, LOSS, strict=True)))
    )
    curve = ss.read_curve(metrics / "loss")
    assert (curve.y, curve.format) == ("loss", "MLflow metric file")
    assert is_the_curve(curve)
    assert is_the_curve(ss.read_curve(tmp_path / "mlruns", "loss"))


def test_mlflow_database(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT)")
        connection.execute(
            "CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, run_uuid TEXT, step INT, is_nan INT)"
        )
        connection.executemany("INSERT INTO runs VALUES (?, ?)", [("u1", "calm-fox"), ("u2", "red-owl")])
        for run in ("u1", "u2"):
            entries = [("loss", float(v), 1, run, int(s), 0) for s, v in zip(STEPS, LOSS, strict=True)]
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", entries)
    connection.close()
    curves = ss.read_curves(path)
    assert [curve.run for curve in curves] == ["calm-fox", "red-owl"]
    assert is_the_curve(curves[0])


def test_parquet(read):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"step": STEPS, "loss": LOSS}), file)
    assert is_the_curve(read(file.getvalue()))


def test_parquet_without_its_library(read, monkeypatch):
    import importlib

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ss.CurveError, match="needs pyarrow"):
        read(b"PAR1" + b"\0" * 100)


def test_a_folder_of_logs(tmp_path):
    (tmp_path / "metrics.csv").write_text(rows(","))
    (tmp_path / "notes.md").write_text("# no log")
    assert is_the_curve(ss.read_curve(tmp_path))
