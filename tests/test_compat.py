"""The work-arounds: the stand-in for mmcv's compiled operations, and `rs_da_mm::` in a config."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm

from rs_da_mm import compat

stub = sys.modules.get("mmcv._ext")
needs_stub = pytest.mark.skipif(not isinstance(stub, compat._MissingOps), reason="mmcv has its compiled operations here")


def run_with_fake_mmcv(folder: Path, files: dict[str, str], script: str) -> str:
    """Run a script in which `compat` is loaded by itself and `mmcv` is made of these files."""
    for name, text in files.items():
        (folder / "mmcv").mkdir(exist_ok=True)
        (folder / "mmcv" / name).write_text(text)
    load = (
        "import importlib.util, sys\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        f"spec = importlib.util.spec_from_file_location('compat', {compat.__file__!r})\n"
        "compat = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(compat)\n"
    )
    done = subprocess.run([sys.executable, "-c", load + script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_real_operations_win(tmp_path):
    files = {"__init__.py": "", "_ext.py": "def nms():\n    return 'real'\n"}
    script = "print(compat.install_mmcv_ops_stub()); import mmcv._ext; print(mmcv._ext.nms())"
    assert run_with_fake_mmcv(tmp_path, files, script).split() == ["False", "real"]


def test_the_stub_takes_their_place_where_there_are_none(tmp_path):
    twice = "print(compat.install_mmcv_ops_stub(), compat.install_mmcv_ops_stub())\n"
    script = twice + "import importlib; print(callable(importlib.import_module('mmcv._ext').nms))"
    assert run_with_fake_mmcv(tmp_path, {"__init__.py": ""}, script).split() == ["True", "True", "True"]


def test_the_stub_is_found_before_mmcv_is_imported(tmp_path):
    script = "compat.install_mmcv_ops_stub(); print('mmcv' in sys.modules)"
    assert run_with_fake_mmcv(tmp_path, {"__init__.py": "raise RuntimeError('imported')"}, script) == "False"


def run_beside_timm(folder: Path, script: str) -> str:
    """Run a script that finds a package `timm` with the module `models`, which tells when it is loaded."""
    (folder / "timm").mkdir()
    (folder / "timm" / "__init__.py").write_text("print('loaded')\n__version__ = '0'\nfrom timm.models import create_model\n")
    (folder / "timm" / "models.py").write_text("def create_model():\n    return 'model'\n")
    return run_with_fake_mmcv(folder, {"__init__.py": ""}, script)


def test_timm_is_loaded_when_it_is_used(tmp_path):
    script = (
        "print(compat.defer_timm(), compat.defer_timm())\nimport timm\nprint(hasattr(timm, '__wrapped__'), timm.__file__[-11:])\n"
        "print('then'); print(timm.create_model()); import timm as again; print(type(again).__name__, again.create_model())"
    )
    expected = ["True", "True", "False", "__init__.py", "then", "loaded", "model", "module", "model"]
    assert run_beside_timm(tmp_path, script).split() == expected


@pytest.mark.parametrize("use", ["from timm import create_model", "from timm.models import create_model", "import timm.models"])
def test_all_ways_to_import_of_timm_work(tmp_path, use):
    script = f"compat.defer_timm()\n{use}\nprint(sys.modules['timm'].create_model(), sys.modules['timm'].models.__name__)"
    assert run_beside_timm(tmp_path, script).split() == ["loaded", "model", "timm.models"]


def test_timm_that_is_loaded_already_is_left_alone(tmp_path):
    script = "import timm; print(compat.defer_timm(), type(sys.modules['timm']).__name__)"
    assert run_beside_timm(tmp_path, script).split() == ["loaded", "False", "module"]


def test_the_package_does_not_load_timm():
    script = "import sys, rs_da_mm, mmseg.models; print('torch._inductor' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "False"


def test_no_mmcv_means_no_stub(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.delitem(sys.modules, "mmcv._ext", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mmcv" else real(name, *rest))
    assert compat.install_mmcv_ops_stub() is False
    assert "mmcv._ext" not in sys.modules


@needs_stub
def test_a_stubbed_operation_says_which_package_to_install():
    from mmcv.ops import nms

    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    with pytest.raises(RuntimeError, match=r"'nms'.*'mmcv' package.*'mmcv-lite'"):
        nms(boxes, torch.ones(1), iou_threshold=0.5)


@needs_stub
def test_the_stub_has_a_spec_and_no_made_up_attributes():
    assert importlib.util.find_spec("mmcv._ext") is not None
    assert not hasattr(stub, "__path__")


@needs_stub
def test_mmengine_reverts_sync_batch_norm_under_the_stub():
    # This is what every Runner that is not distributed does first; without a ModuleSpec on the stub it crashes.
    model = revert_sync_batchnorm(torch.nn.Sequential(torch.nn.SyncBatchNorm(2)))
    assert not isinstance(model[0], torch.nn.SyncBatchNorm)
    assert model(torch.zeros(1, 2, 3, 3)).shape == (1, 2, 3, 3)


def write_config(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_config_inherits_from_a_shipped_one(tmp_path):
    path = write_config(
        tmp_path,
        "_base_ = ['rs_da_mm::macunet_gid.py']\n"
        "model = dict(decode_head=dict(num_classes=9))\n"
        "old = {{_base_.model.decode_head}}\n",
    )
    shipped = Config.fromfile(str(compat.shipped_configs() / "macunet_gid.py"))
    mine = Config.fromfile(path)
    assert (mine.model.decode_head.num_classes, mine.old.num_classes) == (9, shipped.model.decode_head.num_classes)
    assert mine.model.backbone == shipped.model.backbone
    assert mine.train_dataloader == shipped.train_dataloader
    assert mine.default_scope == shipped.default_scope


def test_inherited_dicts_carry_no_scope_of_ours(tmp_path):
    # mmengine would write `_scope_='rs_da_mm'` into them, where mmseg's names are not found.
    mine = Config.fromfile(write_config(tmp_path, "_base_ = ['rs_da_mm::macunet_gid.py']\n"))
    assert "_scope_" not in mine.pretty_text


def test_a_config_inherits_from_a_shipped_part(tmp_path):
    mine = Config.fromfile(write_config(tmp_path, "_base_ = 'rs_da_mm::_base_/models/macunet.py'\n"))
    assert mine.model.type == "EncoderDecoder"
    assert list(mine.keys()) == ["model"]


def test_an_unknown_shipped_config_is_told_with_the_known_ones(tmp_path):
    path = write_config(tmp_path, "_base_ = ['rs_da_mm::macunet_gld.py']\n")
    with pytest.raises(FileNotFoundError, match=r"mine\.py.*'macunet_gld\.py'.*macunet_gid\.py"):
        Config.fromfile(path)


def test_ordinary_inheritance_is_as_it_was(tmp_path):
    (tmp_path / "base.py").write_text("a = dict(b=1)\n")
    mine = Config.fromfile(write_config(tmp_path, "_base_ = ['./base.py']\na = dict(c=2)\n"))
    assert mine.a == {"b": 1, "c": 2}


def test_other_packages_names_still_go_to_mmengine(tmp_path):
    with pytest.raises(Exception, match="nowhere_to_be_found"):
        Config.fromfile(write_config(tmp_path, "_base_ = ['nowhere_to_be_found::a/b.py']\n"))


def test_installing_twice_wraps_once():
    before = Config._get_cfg_path
    compat.install()
    assert Config._get_cfg_path is before


def test_an_installed_package_has_its_configs_inside(monkeypatch, tmp_path):
    monkeypatch.setattr(compat, "_PACKAGE", tmp_path / "rs_da_mm")
    assert compat.shipped_configs() == tmp_path / "rs_da_mm" / ".mim" / "configs"
    (tmp_path / "setup.py").touch()
    assert compat.shipped_configs() == tmp_path / "configs"
