"""Names: three ways of writing each, from every scope, and none that mmseg, mmagic or mmpretrain has too."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rs_da_mm  # noqa: F401  (registers everything)
from rs_da_mm.registry import _CHILDREN, ROOTS, SCOPE

HERE = Path(__file__).parent

IN_SCOPE = """
import importlib, json, sys
import rs_da_mm
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry
from rs_da_mm.compat import shipped_configs
from rs_da_mm.registry import MODELS, ROOTS

scope = None if sys.argv[1] == 'none' else sys.argv[1]
found = dict(failures=[], checked=0, nested=[], theirs=[])


def resolve(root):
    probe = type('ScopeProbe', (), {'__module__': 'rs_da_mm.probe', '__init__': lambda self, **settings: None})
    root.register_module(module=probe)
    for name, ours in list(root.module_dict.items()):
        if ours.__module__.startswith('rs_da_mm.'):
            for written in (name, 'rs_da_mm.' + name):
                found['checked'] += 1
                with root.switch_scope_and_registry(None) as registry:
                    if registry.get(written) is not ours:
                        found['failures'].append(f'{root.name}: {written}')
    for written in ('ScopeProbe', 'rs_da_mm.ScopeProbe', probe):
        found['checked'] += 1
        if type(root.build(dict(type=written))) is not probe:
            found['failures'].append(f'{root.name}: build {written}')


def nest(prefix):
    model = Config.fromfile(str(shipped_configs() / '_base_/models/macunet.py')).model
    model.type, model._scope_ = 'mmseg.EncoderDecoder', 'mmseg'
    for part in (model.data_preprocessor, model.backbone, model.decode_head.loss_decode):
        part.type = prefix + part.type
    try:
        built = MODELS.build(model)
    except Exception as error:
        return repr(error)
    return [type(part).__name__ for part in (built.data_preprocessor, built.backbone, built.decode_head.loss_decode)]


with DefaultScope.overwrite_default_scope(scope):
    for root in ROOTS:
        resolve(root)
    found['nested'] = [nest(''), nest('rs_da_mm.')]
if scope is not None:
    importlib.import_module(scope + '.utils').register_all_modules(init_default_scope=False)
    for registry in vars(importlib.import_module(scope + '.registry')).values():
        if isinstance(registry, Registry) and registry.scope == scope:
            found['theirs'] += registry.module_dict
print('RESULT' + json.dumps(found))
"""

WORKER = """
import json
import rs_da_mm
from mmengine.registry import DefaultScope
from rs_da_mm.registry import TRANSFORMS
from torch.utils.data import DataLoader, Dataset


class Asks(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        written = ('PackRSInputs', 'rs_da_mm.PackRSInputs')[index]
        built = TRANSFORMS.build(dict(type=written))
        return f'{type(built).__module__.split(".")[0]}:{type(built).__name__}:{DefaultScope.get_current_instance()}'


if __name__ == '__main__':
    loader = DataLoader(Asks(), batch_size=None, num_workers=1, multiprocessing_context='spawn')
    print('RESULT' + json.dumps(list(loader)))
"""

BY_PREFIX_ALONE = """
import json, sys
from mmengine.registry import TRANSFORMS, DefaultScope
assert not any(name.startswith('rs_da_mm') for name in sys.modules)
with DefaultScope.overwrite_default_scope(None if sys.argv[1] == 'none' else sys.argv[1]):
    print('RESULT' + json.dumps(type(TRANSFORMS.build(dict(type='rs_da_mm.PackRSInputs'))).__name__))
"""

NAMES_OF = """
import importlib, json, sys
import rs_da_mm
from mmengine.registry import Registry

package = sys.argv[1]
importlib.import_module(package + '.utils').register_all_modules(init_default_scope=False)
registries = vars(importlib.import_module(package + '.registry')).values()
found = [registry for registry in registries if isinstance(registry, Registry) and registry.scope == package]
print('RESULT' + json.dumps([name for registry in found for name in registry.module_dict]))
"""


def run_python(*words: str) -> str:
    """Run Python in a fresh process and give what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-W", "ignore", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def result(printed: str) -> Any:
    return json.loads(next(line for line in printed.splitlines() if line.startswith("RESULT"))[len("RESULT") :])


def answer(script: str, *arguments: str) -> Any:
    return result(run_python("-c", script, *arguments))


def our_names() -> set[str]:
    return {name for root in ROOTS for name, ours in root.module_dict.items() if ours.__module__.startswith(SCOPE + ".")}


@pytest.fixture(scope="module", params=["none", "mmseg", "mmagic"])
def in_scope(request) -> dict[str, Any]:
    """What is found under one default scope."""
    if request.param != "none" and importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return {"scope": request.param, **answer(IN_SCOPE, request.param)}


def test_every_name_is_found_in_all_three_ways(in_scope):
    assert in_scope["failures"] == []
    assert in_scope["checked"] >= 5 * len(ROOTS)


def test_names_are_found_inside_a_segmentor(in_scope):
    assert in_scope["nested"] == [["RSDataPreprocessor", "MACUNet", "WeightedCrossEntropy"]] * 2


def test_no_name_is_taken(in_scope):
    if in_scope["scope"] == "none":
        pytest.skip("no scope has no names of its own")
    assert len(in_scope["theirs"]) > 100
    assert our_names() & set(in_scope["theirs"]) == set()


def test_names_are_found_in_a_spawned_worker_which_has_no_scope(tmp_path):
    script = tmp_path / "asks.py"
    script.write_text(WORKER)
    assert result(run_python(str(script))) == ["rs_da_mm:PackRSInputs:None"] * 2


def test_the_prefix_alone_imports_the_package():
    assert answer(BY_PREFIX_ALONE, "none") == "PackRSInputs"


@pytest.mark.skipif(importlib.util.find_spec("mmagic") is not None, reason="mmcv-lite: mmseg fails before the stub can be placed")
def test_the_prefix_alone_imports_the_package_under_mmsegs_scope():
    assert answer(BY_PREFIX_ALONE, "mmseg") == "PackRSInputs"


def test_our_registries_hold_nothing_themselves():
    assert [len(child.module_dict) for child in _CHILDREN] == [0] * len(ROOTS)
    assert {child.scope for child in _CHILDREN} == {SCOPE}


@pytest.mark.skipif(importlib.util.find_spec("mmpretrain") is None, reason="mmpretrain is not installed")
def test_no_name_is_taken_in_mmpretrain():
    assert our_names() & set(answer(NAMES_OF, "mmpretrain")) == set()


def test_no_name_is_taken_in_mmpretrains_sources():
    lines = (HERE / "mmpretrain_names.txt").read_text(encoding="utf-8").splitlines()
    theirs = {line for line in lines if not line.startswith("#")}
    assert {"MoCo", "VisionTransformer", "CrossEntropyLoss"} <= theirs
    assert our_names() & theirs == set()


def test_the_package_registers_what_its_configs_name():
    wanted = {"MACUNet", "RSDataPreprocessor", "WeightedCrossEntropy", "LandCoverMetric", "GIDDataset", "PackRSInputs"}
    assert wanted <= our_names()
