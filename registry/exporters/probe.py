"""Runs one artifact in a process of its own: python -I probe.py READER FOLDER.

Started by path, so that nothing of the product is imported. Reads `job.json` (artifact, raw rows, texts,
limits) and `matrix.npy` from the folder and writes `result.json`: runtime, outputs per row, labels and
margins where the format gives them. It limits its own time and memory, since an artifact may be wrong.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

Result = dict[str, Any]
SECOND_OPSET = 13
# Rows at a time where every row takes a place for every tree.
BATCH = 250


def read_native(folder: Path, job: dict[str, Any]) -> Result:
    """The booster, through XGBoost."""
    xgboost = _xgboost()
    booster = xgboost.Booster(params={"nthread": 1}, model_file=str(folder / job["artifact"]))
    data = _dmatrix(xgboost, folder, job)
    return {
        "runtime": f"xgboost {xgboost.__version__}",
        "margins": _rows(booster.predict(data, output_margin=True)),
        "outputs": _shares(_rows(booster.predict(data)), job),
    }


def read_onnx(folder: Path, job: dict[str, Any]) -> Result:
    """The graph, fed with raw columns, through onnxruntime."""
    numpy = import_module("numpy")
    matrix = numpy.load(folder / "matrix.npy", allow_pickle=False)
    feed = {
        name: matrix[:, [index]] if texts is None else numpy.array(texts, dtype=object).reshape(-1, 1)
        for index, (name, texts) in enumerate(zip(job["names"], job["texts"], strict=True))
    }
    session, version = _session(str(folder / job["artifact"]))
    answers = session.run(None, feed)
    return {
        "runtime": f"onnxruntime {version}",
        "outputs": _rows(answers[-1]),
        "labels": answers[0].tolist() if len(answers) > 1 else None,
    }


def read_wheel(folder: Path, job: dict[str, Any]) -> Result:
    """The package, straight from the .whl, without numpy."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # makes `import numpy` fail
    return _wheel(folder, job, "Python")


def read_wheel_numpy(folder: Path, job: dict[str, Any]) -> Result:
    """The package, straight from the .whl, with numpy."""
    return _wheel(folder, job, f"numpy {import_module('numpy').__version__}, Python")


def _wheel(folder: Path, job: dict[str, Any], runtime: str) -> Result:
    sys.path.insert(0, str(folder / job["artifact"]))
    package = import_module(job["module"])
    names = list(job["rows"])
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*job["rows"].values(), strict=True)]
    model = package.load()
    margins = model.margins(rows)
    answers = model.answers(margins)
    labelled = bool(job["classes"])
    return {
        "runtime": f"{runtime} {sys.version.split()[0]}",
        "margins": margins,
        "outputs": [list(a["probabilities"].values()) if labelled else [a["prediction"]] for a in answers],
        "labels": [answer["label"] for answer in answers] if labelled else None,
    }


def read_tflite(folder: Path, job: dict[str, Any]) -> Result:
    """The graph, fed with the encoded matrix through its signature, some rows at a time."""
    numpy, litert = import_module("numpy"), import_module("ai_edge_litert.interpreter")
    runner = litert.Interpreter(model_path=str(folder / job["artifact"]), num_threads=1).get_signature_runner()
    parts = [next(iter(runner(features=rows).values())) for rows in _batches(folder)]
    return {
        "runtime": f"LiteRT {import_module('ai_edge_litert').__version__}",
        "outputs": _rows(numpy.concatenate(parts)),
    }


def read_torchscript(folder: Path, job: dict[str, Any]) -> Result:
    """The archive's own code and tables, run on numpy; raw text through its `encode`."""
    numpy = import_module("numpy")
    place = Path(__file__).with_name("probe_torchscript.py")
    spec = spec_from_file_location("probe_torchscript", place)
    module = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    trees = module.Archive(folder / job["artifact"]).trees
    return {"runtime": f"our own reader on numpy {numpy.__version__}", "outputs": _scripted(numpy, trees, _texts(job))}


def read_torch(folder: Path, job: dict[str, Any]) -> Result:
    """The archive in PyTorch; raw text through its `encode`."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    with catch_warnings():
        simplefilter("ignore")  # PyTorch calls its own format old
        trees = torch.jit.load(str(folder / job["artifact"]))
    return {"runtime": f"PyTorch {torch.__version__}", "outputs": _scripted(torch, trees, _texts(job))}


def _scripted(library: Any, trees: Any, rows: list[dict[str, str]]) -> list[list[float]]:
    starts = range(0, len(rows), BATCH)
    parts = [trees.forward(trees.encode(rows[start : start + BATCH])) for start in starts]
    return _rows(library.concatenate(parts))


def _texts(job: dict[str, Any]) -> list[dict[str, str]]:
    """Raw rows as text, as a web form or a CSV file has them; what is absent stays away."""
    names = list(job["rows"])
    cells = zip(*job["rows"].values(), strict=True)
    return [{name: str(v) for name, v in zip(names, row, strict=True) if v is not None} for row in cells]


def read_joblib(folder: Path, job: dict[str, Any]) -> Result:
    """The pipeline, unpickled here and nowhere else: these bytes were written a moment ago by this server."""
    numpy, joblib = import_module("numpy"), import_module("joblib")
    matrix = numpy.load(folder / "matrix.npy", allow_pickle=False)
    columns = [
        texts if texts is not None else [None if gap else float(v) for v, gap in zip(raw, gaps, strict=True)]
        for texts, raw, gaps in zip(job["texts"], job["rows"].values(), numpy.isnan(matrix).T.tolist(), strict=True)
    ]
    table = numpy.array(columns, dtype=object).T
    pipeline = joblib.load(folder / job["artifact"])
    answers = pipeline.predict(table)
    labelled = bool(job["classes"])
    return {
        "runtime": ", ".join(f"{name} {import_module(name).__version__}" for name in ("sklearn", "xgboost")),
        "outputs": _rows(pipeline.predict_proba(table) if labelled else answers),
        "labels": [job["classes"][int(code)] for code in answers] if labelled else None,
    }


def _batches(folder: Path) -> list[Any]:
    matrix = import_module("numpy").load(folder / "matrix.npy", allow_pickle=False)
    return [matrix[start : start + BATCH] for start in range(0, len(matrix), BATCH)]


def read_second_opinion(folder: Path, job: dict[str, Any]) -> Result:
    """The booster converted by onnxmltools, fed with the encoded matrix."""
    xgboost, numpy, onnxmltools = _xgboost(), import_module("numpy"), import_module("onnxmltools")
    kinds = import_module("onnxmltools.convert.common.data_types")
    booster = xgboost.Booster(model_file=str(folder / job["artifact"]))
    matrix = numpy.load(folder / "matrix.npy", allow_pickle=False)
    types = [("matrix", kinds.FloatTensorType([None, matrix.shape[1]]))]
    proto = onnxmltools.convert_xgboost(booster, initial_types=types, target_opset=SECOND_OPSET)
    session, _ = _session(proto.SerializeToString())
    return {
        "runtime": f"onnxmltools {onnxmltools.__version__}",
        "outputs": _rows(session.run(None, {"matrix": matrix})[-1]),
    }


READERS: dict[str, Callable[[Path, dict[str, Any]], Result]] = {
    "native": read_native,
    "onnx": read_onnx,
    "wheel": read_wheel,
    "wheel-numpy": read_wheel_numpy,
    "tflite": read_tflite,
    "torchscript": read_torchscript,
    "torch": read_torch,
    "joblib": read_joblib,
    "second-opinion": read_second_opinion,
}


def _xgboost() -> Any:
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # XGBoost would import it, and with it a second of scipy
    return import_module("xgboost")


def _dmatrix(xgboost: Any, folder: Path, job: dict[str, Any]) -> Any:
    matrix = import_module("numpy").load(folder / "matrix.npy", allow_pickle=False)
    return xgboost.DMatrix(matrix, feature_types=job["kinds"], enable_categorical=True, nthread=1)


def _session(model: str | bytes) -> tuple[Any, str]:
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, onnxruntime.__version__


def _rows(values: Any) -> list[list[float]]:
    return [list(row) for row in values.reshape(len(values), -1).tolist()]


def _shares(outputs: list[list[float]], job: dict[str, Any]) -> list[list[float]]:
    """Both probabilities of a binary model, of which XGBoost gives the second."""
    return [[1 - row[0], row[0]] for row in outputs] if len(job["classes"]) == 2 else outputs


def _limit(job: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(reader: str, folder: Path) -> None:
    """Answers one job."""
    job = json.loads((folder / "job.json").read_text("utf-8"))
    _limit(job)
    result = READERS[reader](folder, job)
    (folder / "result.json").write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
