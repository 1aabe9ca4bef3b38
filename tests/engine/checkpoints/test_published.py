from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from rs_da_mm.engine.checkpoints.published import Bands, read_published
from rs_da_mm.engine.checkpoints.weights_file import weights_sha256
from rs_da_mm.errors import InputError
from rs_da_mm.raster import PixelSize

WEIGHTS = {"conv.weight": torch.arange(4.0)}
DESCRIPTION = {
    "published_format": "1",
    "created_by": "rs_da_mm 0.1.0",
    "config_name": "macunet_gid",
    "config": json.dumps({"model": {"type": "MACUNet"}}),
    "dataset_meta": json.dumps({"classes": ["field", "road"], "palette": [[0, 0, 0], [255, 0, 0]]}),
    "bands": json.dumps({"choice": [3, "nir"], "names": ["red", "nir"], "count": 2, "dtype": "uint16"}),
    "pixel_size": json.dumps({"width": 0.5, "height": 0.6, "unit": "metre", "range": [0.5, 0.6]}),
    "normalisation": json.dumps({"type": "RSDataPreprocessor", "mean": [1.0, 2.0], "std": [3.0, 4.0]}),
    "training": json.dumps({"epoch": 3, "iteration": 40, "averaged": True, "data": [{"miniature": True}], "git": {}}),
    "license": "CC-BY-4.0",
}


def write(path, **changes):
    metadata = {"weights_sha256": weights_sha256(WEIGHTS), **DESCRIPTION, **changes}
    save_file(WEIGHTS, path, metadata={name: text for name, text in metadata.items() if text is not None})
    return path


def test_everything_is_there_under_its_name(tmp_path):
    model = read_published(write(tmp_path / "a.safetensors"))
    assert torch.equal(model.weights["conv.weight"], WEIGHTS["conv.weight"])
    assert model.sha256 == weights_sha256(WEIGHTS)
    assert model.config == {"model": {"type": "MACUNet"}}
    assert model.classes == ("field", "road")
    assert model.palette == ((0, 0, 0), (255, 0, 0))
    assert model.bands == Bands(count=2, names=("red", "nir"), choice=(3, "nir"), dtype="uint16")
    assert model.pixel_size == PixelSize(0.5, 0.6, "metre")
    assert model.pixel_size_range == (0.5, 0.6)
    assert model.normalisation["std"] == [3.0, 4.0]
    assert (model.epoch, model.iteration, model.averaged) == (3, 40, True)
    assert model.license == "CC-BY-4.0"
    assert model.from_miniature


def test_what_is_unknown_is_none(tmp_path):
    training = json.dumps({"epoch": None, "iteration": None, "averaged": False, "data": [], "git": {}})
    nothing = {"bands": "null", "pixel_size": "null", "dataset_meta": "{}", "training": training, "license": None}
    model = read_published(write(tmp_path / "a.safetensors", **nothing))
    assert (model.bands, model.pixel_size, model.pixel_size_range, model.license, model.epoch) == (None,) * 5
    assert model.classes == model.palette == ()
    assert not model.from_miniature


def test_a_config_that_is_a_program_stays_text(tmp_path):
    program = f"__import__('os').mkdir({str(tmp_path / 'was_run')!r})"
    with pytest.raises(InputError, match=r"a\.safetensors: its description is not"):
        read_published(write(tmp_path / "a.safetensors", config=program))
    told = {"type": program, "custom_imports": {"imports": ["antigravity"]}}
    assert read_published(write(tmp_path / "a.safetensors", config=json.dumps(told))).config == told
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"published_format": "one"},
        {"config_name": None},
        {"bands": None},
        {"bands": "3"},
        {"pixel_size": "[1, 2]"},
        {"training": "{}"},
        {"training": "[" * 100_000},
        {"dataset_meta": json.dumps({"palette": [["red"]]})},
    ],
)
def test_a_damaged_description_is_told(tmp_path, changes):
    with pytest.raises(InputError, match=r"a\.safetensors: its description is not as tools/publish\.py writes it"):
        read_published(write(tmp_path / "a.safetensors", **changes))


def test_other_weights_than_were_published_are_refused(tmp_path):
    with pytest.raises(InputError, match="damaged or was changed"):
        read_published(write(tmp_path / "a.safetensors", weights_sha256="0" * 64))


def test_a_later_format_is_told(tmp_path):
    with pytest.raises(InputError, match=r"format 2 by rs_da_mm 9\.0.*newer"):
        read_published(write(tmp_path / "a.safetensors", published_format="2", created_by="rs_da_mm 9.0"))


def test_weights_without_a_description_are_told(tmp_path):
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"a\.safetensors: holds weights, and nothing that says"):
        read_published(tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="no such file"):
        read_published(tmp_path / "b.safetensors")
