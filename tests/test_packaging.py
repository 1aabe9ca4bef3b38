"""What ends up in a wheel and a source distribution, and whether extras and constraints say the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rs_da_mm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "CITATION.cff", "constraints.txt", "constraints-onedl.txt")
CONSTRAINTS = {**dict.fromkeys(("upstream", "mmagic", "vectors", "dev"), "constraints.txt"), "onedl": "constraints-onedl.txt"}
BUILD = """
from setuptools import build_meta
build_meta.build_wheel("out")
build_meta.build_sdist("out")
"""
NO_LINKS = """
import pathlib, runpy, sys

def refuse(*arguments, **keywords):
    raise OSError(1314, "A required privilege is not held by the client")

pathlib.Path.symlink_to = refuse
sys.argv = ["setup.py", "-q", "link_for_mim"]
runpy.run_path("setup.py", run_name="__main__")
"""

pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").is_file(), reason="needs a clone")


def copy_sources(folder: Path) -> Path:
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    for name in ("rs_da_mm", "configs", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".mim"))
    return folder


def run(folder: Path, *words: str) -> None:
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = copy_sources(tmp_path_factory.mktemp("sources"))
    (folder / "out").mkdir()
    run(folder, "-W", "ignore", "-c", BUILD)
    return folder / "out"


@pytest.fixture(scope="module")
def in_wheel(built) -> set[str]:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


@pytest.fixture(scope="module")
def metadata(built) -> Message:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        return message_from_bytes(wheel.read(f"rs_da_mm-{__version__}.dist-info/METADATA"))


def test_the_wheel_holds_every_config_where_mim_looks(in_wheel):
    wanted = {f"rs_da_mm/.mim/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "configs").rglob("*.py")}
    assert "rs_da_mm/.mim/configs/macunet_gid.py" in wanted
    assert wanted <= in_wheel


def test_the_wheel_holds_the_tools_that_mim_runs(in_wheel):
    assert {"rs_da_mm/.mim/tools/train.py", "rs_da_mm/.mim/tools/test.py", "rs_da_mm/.mim/tools/slurm_train.sh"} <= in_wheel


def test_the_wheel_leaves_out_what_needs_a_clone(in_wheel):
    names = {name.rsplit("/", 1)[-1] for name in in_wheel}
    assert not names & {"quickstart.py", "run_tests.py", "_setup_env.py", "_stacks.py", "_logged_run.py"}
    assert not any("/benchmarks/" in name or name.startswith("tests/") for name in in_wheel)


def test_the_wheel_holds_every_module_of_the_package(in_wheel):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rs_da_mm").rglob("*.py") if ".mim" not in path.parts}
    assert modules <= in_wheel


def test_the_source_distribution_can_build_the_same_wheel(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "configs/macunet_gid.py", "tools/train.py", "LICENSE"} <= names
    assert {"constraints.txt", "constraints-onedl.txt"} <= names


def test_metadata(metadata):
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra")) == {"upstream", "mmagic", "onedl", "vectors", "dev"}
    assert "Apache-2.0" in (metadata["License"] or metadata["License-Expression"])


def test_the_base_install_demands_no_stack(metadata):
    base = {Requirement(line).name for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert base == {"numpy", "rasterio", "safetensors", "torch"}


def requirements(path: Path) -> dict[str, Requirement]:
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {canonicalize_name(found.name): found for found in map(Requirement, filter(None, lines))}


@pytest.mark.parametrize("extra", sorted(CONSTRAINTS))
def test_extras_admit_what_the_constraints_pin(metadata, extra):
    pinned = requirements(ROOT / CONSTRAINTS[extra])
    ours = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    base = [found for found in ours if found.marker is None]
    of_extra = [found for found in ours if found.marker is not None and found.marker.evaluate({"extra": extra})]
    assert of_extra
    for wanted in [*base, *of_extra]:
        name = canonicalize_name(wanted.name)
        assert name in pinned, f"{CONSTRAINTS[extra]} does not name {name}"
        for one in pinned[name].specifier:
            if one.operator == "==":
                assert wanted.specifier.contains(one.version), wanted


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-onedl.txt"])
def test_every_pin_has_a_reason_beside_it(name):
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"\S+  # .{5,}", line), line


def test_no_compiled_mmcv_is_asked_for():
    assert "mmcv" not in requirements(ROOT / "constraints.txt")
    assert "mmcv-lite" in requirements(ROOT / "constraints.txt")


def test_both_stacks_have_one_torch():
    upstream, onedl = requirements(ROOT / "constraints.txt"), requirements(ROOT / "constraints-onedl.txt")
    assert [str(upstream[name]) for name in ("torch", "torchvision")] == [str(onedl[name]) for name in ("torch", "torchvision")]


def test_the_citation_names_this_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_a_development_install_links_to_the_clone(tmp_path):
    folder = copy_sources(tmp_path)
    for _ in range(2):  # the second time over the first
        run(folder, "setup.py", "-q", "link_for_mim")
    (folder / "configs" / "new.py").touch()
    assert (folder / "rs_da_mm" / ".mim" / "configs" / "new.py").is_file()
    assert (folder / "rs_da_mm" / ".mim" / "tools" / "train.py").is_file()


def test_a_development_install_copies_where_links_are_refused(tmp_path):
    folder = copy_sources(tmp_path)
    for _ in range(2):
        run(folder, "-W", "ignore", "-c", NO_LINKS)
    configs = folder / "rs_da_mm" / ".mim" / "configs"
    assert not configs.is_symlink()
    assert (configs / "macunet_gid.py").read_bytes() == (ROOT / "configs" / "macunet_gid.py").read_bytes()
