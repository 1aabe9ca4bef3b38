from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from safetensors.torch import load_file, save_file
from tiny_segmentors import FLOAT32, META, macunet, save, stock, trained

from rs_da_mm.engine.checkpoints.published import Bands, read_published
from rs_da_mm.engine.checkpoints.publishing import publish_model
from rs_da_mm.engine.checkpoints.weights_file import read_metadata, weights_sha256
from rs_da_mm.errors import InputError
from rs_da_mm.inference.segmentors.load_segmentor import load_segmentor
from rs_da_mm.raster import PixelSize

RECORD = {
    "type": "RasterFolderDataset",
    "classes": None,
    "fingerprint": "0" * 64,
    "miniature": True,
    "bands": {"choice": [4, 3, 2, 1], "names": ["r", "g", "b", "n"], "count": 4, "dtype": "uint16"},
    "pixel_size": {"width": 0.8, "height": 0.8, "unit": "metre", "range": [0.5, 1.0]},
}
FULL_META = {**META, "run_record": {"datasets": {"train": [RECORD]}}, "epoch": 3, "iter": 40}
PIXELS = np.random.default_rng(0).integers(0, 1000, (1, 16, 16, 4)).astype(np.uint16)
VALID = np.ones((1, 16, 16), np.uint8)


@pytest.fixture
def checkpoint(tmp_path):
    return save(trained(macunet()), tmp_path / "model.pth", FULL_META)


def published(checkpoint, folder, config=None, change=lambda config: None):
    """What tools/publish.py makes of it, with the config in it changed."""
    path = folder / "published.safetensors"
    publish_model(config or macunet(), checkpoint, path, name="tiny")
    metadata = read_metadata(path)
    content = json.loads(metadata["config"])
    change(content)
    save_file(load_file(path), path, metadata={**metadata, "config": json.dumps(content)})
    return path


def test_all_kinds_of_files_give_the_same(checkpoint, tmp_path):
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    save_file(weights, tmp_path / "weights.safetensors")
    torch.save({f"module.{name}": tensor for name, tensor in weights.items()}, tmp_path / "wrapped.pth")
    (tmp_path / "config.py").write_text(macunet().pretty_text)
    sources = [
        (macunet(), checkpoint),
        (str(tmp_path / "config.py"), checkpoint),
        (macunet(), tmp_path / "weights.safetensors"),
        (macunet(), tmp_path / "wrapped.pth"),
        (macunet(), published(checkpoint, tmp_path)),
        (None, published(checkpoint, tmp_path)),
    ]
    loaded = [load_segmentor(config, path, FLOAT32) for config, path in sources]
    expected = loaded[0](PIXELS, VALID)
    assert expected.std() > 0.01
    for dense in loaded[1:]:
        assert np.array_equal(dense(PIXELS, VALID), expected)
        assert dense.identity() == loaded[0].identity()
    assert {dense.sha256 for dense in loaded} == {weights_sha256(weights)}
    assert loaded[-1].trained_on == loaded[0].trained_on
    assert loaded[-1].classes == loaded[0].classes
    assert not any(dense.network.training for dense in loaded)


def test_a_published_stock_model_is_built_from_its_own_config_too(tmp_path):
    path = save(trained(stock()), tmp_path / "model.pth")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    valid = np.ones((1, 32, 32), np.uint8)
    alone = load_segmentor(None, published(path, tmp_path, stock()), FLOAT32)
    assert np.array_equal(alone(pixels, valid), load_segmentor(stock(), path, FLOAT32)(pixels, valid))
    assert alone.band_order == (2, 1, 0)


def test_what_the_training_saw_is_known_from_the_checkpoint(checkpoint):
    known = load_segmentor(macunet(), checkpoint, FLOAT32).trained_on
    assert known.bands == Bands(4, ("r", "g", "b", "n"), (4, 3, 2, 1), "uint16")
    assert known.pixel_size == PixelSize(0.8, 0.8, "metre")
    assert known.pixel_size_range == (0.5, 1.0)
    assert (known.mean, known.std) == ((500.0,) * 4, (200.0,) * 4)
    assert (known.dtype, known.miniature) == ("uint16", True)
    json.dumps(known.report())


def test_averaged_weights_are_taken_as_testing_takes_them(tmp_path):
    averaged, beneath = trained(macunet(), seed=0), trained(macunet(), seed=1)
    state = {f"module.{name}": tensor for name, tensor in beneath.state_dict().items()}
    torch.save({"state_dict": averaged.state_dict(), "ema_state_dict": {**state, "steps": torch.tensor(3)}}, tmp_path / "ema.pth")
    assert load_segmentor(macunet(), tmp_path / "ema.pth", FLOAT32).sha256 == weights_sha256(averaged.state_dict())


@pytest.mark.parametrize("key", ["backbone", "decode_head"])
@pytest.mark.parametrize("name", ["os.mkdir", "torch.nn.Conv2d", "mmengine.config.Config.fromfile"])
def test_a_published_config_that_calls_something_else_is_refused(checkpoint, tmp_path, key, name):
    call = {"type": name, "path": str(tmp_path / "made")}
    path = published(checkpoint, tmp_path, change=lambda config: config["model"].update({key: call}))
    assert read_published(path).config["model"][key]["type"] == name
    with pytest.raises(InputError, match=rf"published\.safetensors: model\.{key}\.type in its config is '{name}'"):
        load_segmentor(None, path, FLOAT32)
    assert not (tmp_path / "made").exists()
    load_segmentor(macunet(), path, FLOAT32)  # the user's own config does not need the file's


def test_custom_imports_of_a_published_config_are_not_followed(checkpoint, tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text("raise SystemExit('it was imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    imports = {"imports": ["stranger"], "allow_failed_imports": False}
    path = published(checkpoint, tmp_path, change=lambda config: config.update(custom_imports=imports))
    load_segmentor(None, path, FLOAT32)


@pytest.mark.parametrize("model", [None, 3, {}, {"type": "FCNHead"}, {"type": "BN", "num_features": 3}])
def test_a_published_config_without_a_segmentor_is_told(checkpoint, tmp_path, model):
    path = published(checkpoint, tmp_path, change=lambda config: config.update(model=model))
    with pytest.raises(InputError, match=r"published\.safetensors: "):
        load_segmentor(None, path, FLOAT32)


def test_a_checkpoint_alone_asks_for_its_config(checkpoint, tmp_path):
    with pytest.raises(InputError, match=r"model\.pth: does not bring along what its model is\. Give the config"):
        load_segmentor(None, checkpoint, FLOAT32)
    with pytest.raises(InputError, match="no such checkpoint"):
        load_segmentor(macunet(), tmp_path / "none.pth", FLOAT32)


def test_weights_of_another_model_are_refused(checkpoint):
    with pytest.raises(InputError, match="does not fit the config's model"):
        load_segmentor(macunet(bands=3), checkpoint, FLOAT32)


def test_a_checkpoint_that_would_run_something_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'was_run')!r}, 'w')",))

    torch.save({"state_dict": trained(macunet()).state_dict(), "meta": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(InputError, match="refused"):
        load_segmentor(macunet(), tmp_path / "bomb.pth", FLOAT32)
    assert not (tmp_path / "was_run").exists()


def test_a_config_that_cannot_be_read_is_told(checkpoint, tmp_path):
    (tmp_path / "broken.py").write_text("model = dict(\n")
    (tmp_path / "empty.py").write_text("work_dir = 'a'\n")
    for name, said in (
        ("broken.py", "cannot be read as a config"),
        ("empty.py", "'model' is missing"),
        ("no.py", "no such config"),
    ):
        with pytest.raises(InputError, match=said):
            load_segmentor(tmp_path / name, checkpoint, FLOAT32)


def test_a_model_that_maps_no_pixels_is_told(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "model.pth")
    with pytest.raises(InputError, match="maps no pixels to classes"):
        load_segmentor(Config(dict(model=dict(type="ReLU"))), tmp_path / "model.pth", FLOAT32)


def test_pretrained_weights_that_the_config_names_are_not_fetched(checkpoint):
    config = macunet()
    config.model.backbone.init_cfg = dict(type="Pretrained", checkpoint="https://example.invalid/a.pth")
    config.model.pretrained = "https://example.invalid/b.pth"
    load_segmentor(config, checkpoint, FLOAT32)


def test_the_callers_config_stays_as_it_is(checkpoint):
    config = macunet()
    config.data_preprocessor = config.model.pop("data_preprocessor")
    before = config.pretty_text
    load_segmentor(config, checkpoint, FLOAT32)
    assert config.pretty_text == before


def test_folding_is_left_to_the_outermost_module_that_offers_it(checkpoint):
    folded = load_segmentor(macunet(), checkpoint, replace(FLOAT32, deploy=True))
    assert all(block.deployed for block in folded.network.modules() if hasattr(block, "deployed"))
    assert folded.sha256 == load_segmentor(macunet(), checkpoint, FLOAT32).sha256


def test_a_published_config_whose_data_part_is_odd_is_told(checkpoint, tmp_path):
    odd = {"dataset": {"pipeline": [{"type": "RandomCrop", "crop_size": "wide"}]}}
    path = published(checkpoint, tmp_path, change=lambda config: config.update(train_dataloader=odd))
    with pytest.raises(InputError, match="what its config says about data cannot be read"):
        load_segmentor(None, path, FLOAT32)


def test_a_checkpoint_without_classes_is_taken(tmp_path):
    path = save(trained(macunet()), tmp_path / "model.pth", {})
    assert load_segmentor(macunet(), path, FLOAT32).classes.names == ("class_0", "class_1", "class_2")


def test_a_checkpoint_of_mmsegmentation_before_its_version_1_names_classes_too(tmp_path):
    path = save(trained(macunet()), tmp_path / "model.pth", {"CLASSES": ("a", "b", "c"), "PALETTE": [[1, 2, 3]] * 3})
    assert load_segmentor(macunet(), path, FLOAT32).classes.names == ("a", "b", "c")
