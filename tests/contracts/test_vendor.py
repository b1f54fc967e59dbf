"""Vendored files are exactly what the manifest says, and each has its licence."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


def test_every_vendored_file_is_listed_and_unchanged():
    listed = {name: digest for entry in MANIFEST.values() for name, digest in entry["files"].items()}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name != "manifest.json"
    }
    assert found == listed


def test_every_library_names_its_version_source_and_licence():
    for entry in MANIFEST.values():
        assert entry["version"]
        assert entry["licence"]
        assert entry["source"].startswith("https://")
        assert entry["licence_file"] in entry["files"]


def test_no_vendored_file_points_at_a_source_map():
    assert [path.name for path in VENDOR.iterdir() if b"sourceMappingURL" in path.read_bytes()] == []
