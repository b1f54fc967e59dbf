"""A TorchScript archive is written without PyTorch, and its reader trusts nothing but a module of tables."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

from registry.exporters import export
from registry.exporters.probe_torchscript import Archive
from tests.registry.boosters import HOSTILE, trained
from training.engine.schema import ModelSchema, encode

FIRST = "model/"


def written(made, path):
    path.write_bytes(export("torchscript", made.context()).data)
    return path


def test_the_file_is_written_without_pytorch_and_the_same_twice():
    code = """if True:
        import sys
        from registry.exporters import export
        from tests.registry.boosters import trained
        first, second = (export("torchscript", trained("multiclass", onehot=4).context()).data for _ in "ab")
        assert first == second
        assert "torch" not in sys.modules
        print(len(first))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 10_000


def test_contents_start_where_they_can_be_mapped():
    data = export("torchscript", trained("binary").context()).data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            start = data.index(entry.filename.encode(), entry.header_offset) + len(entry.filename.encode())
            assert (
                start + int.from_bytes(data[entry.header_offset + 28 : entry.header_offset + 30], "little")
            ) % 64 == 0
        assert json.loads(archive.read("model/extra/schema.json")) == json.loads(
            json.dumps(trained("binary").schema.to_json())
        )


def test_encode_reads_text_as_training_did(tmp_path):
    made = trained("binary", names=HOSTILE, plans=(*HOSTILE, "NA", " spaced "))
    trees = Archive(written(made, tmp_path / "a.pt")).trees
    table = {
        HOSTILE[0]: [" 35 ", "1e3", "n/a", None],
        HOSTILE[2]: [" city 003 ", "Atlantis", "NULL", "city 189"],
        HOSTILE[4]: ["two\nlines", "NA", " spaced ", "spaced"],
    }
    rows = [
        {name: value for name, value in zip(table, cells, strict=True) if value is not None}
        for cells in zip(*table.values(), strict=True)
    ]
    np.testing.assert_array_equal(trees.encode(rows), encode(made.schema, table))


@pytest.mark.parametrize("name", ["os system", "builtins eval", "torch load"])
def test_the_reader_refuses_every_other_name(tmp_path, name):
    path = written(trained("binary"), tmp_path / "a.pt")
    module, function = name.split()
    payload = f"\x80\x02c{module}\n{function}\n(X\x04\x00\x00\x00truetR.".encode("latin-1")
    changed = tmp_path / "b.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(changed, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, payload if entry.filename == "model/data.pkl" else source.read(entry))
    with pytest.raises((KeyError, pickle.UnpicklingError)):
        _ = Archive(changed)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch, an optional extra, is not installed")
def test_pytorch_reads_the_same_text_and_the_files_beside_it(tmp_path):
    import torch

    made = trained("multiclass", onehot=4)
    path = written(made, tmp_path / "a.pt")
    beside = {"schema.json": "", "MODEL_CARD.md": ""}
    trees = torch.jit.load(str(path), _extra_files=beside)
    rows = [{"age": " 35 ", "région": "city 003", "plan": "n/a"}, {}]
    np.testing.assert_array_equal(trees.encode(rows).numpy(), Archive(path).trees.encode(rows))
    assert ModelSchema.from_json(json.loads(beside["schema.json"])) == made.schema
    assert beside["MODEL_CARD.md"] == b"# Churn\n" or beside["MODEL_CARD.md"] == "# Churn\n"
