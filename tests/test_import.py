"""What importing the package does, and what it leaves alone. Each question is asked in a fresh process."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm import compat

LEFT_ALONE = ("mmseg.models", "mmagic", "mmcv.ops", "matplotlib", "skimage", "sklearn", "timm.models", "diffusers")


def ask(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_leaves_heavy_packages_alone():
    loaded = ask("import sys, rs_da_mm; print(' '.join(sys.modules))").split()
    assert not set(LEFT_ALONE) & set(loaded)


def test_only_the_raster_room_imports_rasterio():
    package = Path(compat.__file__).parent
    for source in package.rglob("*.py"):
        if source.relative_to(package).parts[0] in ("raster", ".mim"):
            continue
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
            + ([node.module] if isinstance(node, ast.ImportFrom) and node.module else [])
        }
        assert "rasterio" not in imported, source


def test_without_a_stack_the_error_says_what_to_install(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mmengine" else real(name, *rest))
    with pytest.raises(ImportError, match=r"rs_da_mm\[upstream\].*rs_da_mm\[onedl\]"):
        compat.require_stack()
