from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import MODELS
from safetensors import safe_open

from rs_da_mm.engine.checkpoints import load_checkpoint_file, load_model_strictly
from rs_da_mm.engine.checkpoints.published import Bands
from rs_da_mm.engine.checkpoints.publishing import choose_weights, publish_model
from rs_da_mm.engine.checkpoints.weights_file import weights_sha256
from rs_da_mm.errors import InputError
from rs_da_mm.raster import PixelSize


@MODELS.register_module()
class TiedNetwork(torch.nn.Module):
    """Two layers with the same weights, one of which is kept in another order."""

    def __init__(self, width=3):
        super().__init__()
        self.one = torch.nn.Linear(width, width, bias=False)
        self.two = torch.nn.Linear(width, width, bias=False)
        self.two.weight = self.one.weight
        self.conv = torch.nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last)
        self.register_buffer("count", torch.tensor(7))


@pytest.fixture(scope="module", autouse=True)
def _forget_the_network():
    yield
    MODELS.module_dict.pop("TiedNetwork")


CONFIG = {"model": {"type": "TiedNetwork"}}


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint, and the network whose weights it holds."""
    network = TiedNetwork()
    path = tmp_path / "epoch_2.pth"
    torch.save({"state_dict": network.state_dict(), "meta": {"epoch": 2, "iter": 10}, "optimizer": {"big": torch.ones(9)}}, path)
    return path, network


def publish(path, out, config=None, **how):
    return publish_model(Config(config or CONFIG), path, out, name="tied", **how)


def metadata_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def test_shared_and_reordered_tensors_come_back_as_they_were(checkpoint, tmp_path):
    path, network = checkpoint
    publication = publish(path, tmp_path / "out.safetensors")
    assert publication.left_out == ("meta", "optimizer")
    assert publication.checkpoint_bytes == path.stat().st_size
    assert publication.file_bytes == (tmp_path / "out.safetensors").stat().st_size
    back = TiedNetwork()
    load_model_strictly(back, tmp_path / "out.safetensors")
    for name, tensor in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor)
    assert publication.model.sha256 == weights_sha256(network.state_dict())


def test_a_folder_gets_a_name_with_the_hash(checkpoint, tmp_path):
    path, network = checkpoint
    name = f"tied-{weights_sha256(network.state_dict())[:8]}.safetensors"
    assert publish(path, tmp_path).model.path == tmp_path / name
    assert publish(path, f"{tmp_path / 'new'}/").model.path == tmp_path / "new" / name
    with pytest.raises(InputError, match=r"out\.pth: expected a name that ends in \.safetensors"):
        publish(path, tmp_path / "out.pth")


def test_the_hash_does_not_depend_on_what_is_told(checkpoint, tmp_path):
    path, _ = checkpoint
    one = publish(path, tmp_path / "one.safetensors").model
    two = publish(path, tmp_path / "two.safetensors", config={**CONFIG, "note": 1}, license="MIT", pixel_size=0.3).model
    assert one.sha256 == two.sha256
    assert two.license == "MIT"
    assert one.license is None
    assert two.pixel_size == PixelSize(0.3, 0.3, "metre")
    assert one.pixel_size is None
    assert (two.epoch, two.iteration) == (2, 10)


def test_published_weights_can_be_published_again(checkpoint, tmp_path):
    path, _ = checkpoint
    one = publish(path, tmp_path / "one.safetensors").model
    assert publish(one.path, tmp_path / "two.safetensors", license="MIT").model.sha256 == one.sha256


def test_weights_of_another_model_are_refused_and_nothing_is_written(checkpoint, tmp_path):
    path, _ = checkpoint
    with pytest.raises(InputError, match="does not fit the config's model"):
        publish(path, tmp_path / "out.safetensors", config={"model": {"type": "TiedNetwork", "width": 4}})
    assert not (tmp_path / "out.safetensors").exists()


def test_a_full_disk_leaves_what_was_there(checkpoint, tmp_path, monkeypatch):
    path, _ = checkpoint
    (tmp_path / "out.safetensors").write_bytes(b"before")

    def fail(*_words):
        raise OSError("no space left")

    monkeypatch.setattr("rs_da_mm.engine.checkpoints.publishing.atomic_write_bytes", fail)
    with pytest.raises(InputError, match=r"out\.safetensors: cannot be written \(no space left\)"):
        publish(path, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == b"before"


def test_averaged_weights_are_those_that_mmengine_saves_as_such(tmp_path):
    from mmengine.hooks import EMAHook

    network = torch.nn.Linear(1, 1, bias=False)
    averaged = ExponentialMovingAverage(network)
    with torch.no_grad():
        network.weight.fill_(1.0)
        averaged.module.weight.fill_(2.0)
    content = {"state_dict": network.state_dict()}
    hook = EMAHook()
    hook.ema_model = averaged
    hook.before_save_checkpoint(None, content)
    for wish, value, told in [(None, 2.0, True), (True, 2.0, True), (False, 1.0, False)]:
        weights, is_averaged = choose_weights(content, "a.pth", wish)
        assert weights["weight"].item() == value
        assert is_averaged is told
    plain = {"state_dict": network.state_dict()}
    assert choose_weights(plain, "a.pth", False)[1] is False
    with pytest.raises(InputError, match=r"a\.pth: has no averaged weights"):
        choose_weights(plain, "a.pth", True)


@pytest.mark.parametrize(
    "meta", [None, 3, {"run_record": 3, "dataset_meta": 3}, {"run_record": {"git": {"a": torch.ones(1)}}, "iter": "x"}]
)
def test_a_strangers_meta_is_no_error(tmp_path, meta):
    torch.save({"state_dict": TiedNetwork().state_dict(), "meta": meta}, tmp_path / "a.pth")
    assert publish(tmp_path / "a.pth", tmp_path / "out.safetensors").model.classes == ()


def test_the_record_of_the_training_tells_no_folder_either(tmp_path):
    elsewhere = str(Path(tmp_path.anchor) / "elsewhere" / "images")
    data = [{"fingerprint": "f", "parameters": {"image_dir": [elsewhere]}}]
    meta = {"run_record": {"datasets": {"train": data}, "git": {"rs_da_mm": {"commit": "c", "branch": "mine/of-this"}}}}
    torch.save({"state_dict": TiedNetwork().state_dict(), "meta": meta}, tmp_path / "a.pth")
    publication = publish(tmp_path / "a.pth", tmp_path / "out.safetensors")
    assert publication.model.training_data[0]["parameters"]["image_dir"] == ["<path>/images"]
    assert publication.model.git["rs_da_mm"]["branch"] == "mine/of-this"
    assert publication.changed_keys == ("training.data[0].parameters.image_dir[0]",)


def scores(folder):
    log = max(folder.rglob("*.json"), key=lambda path: path.stat().st_mtime)
    result = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return {name: value for name, value in result.items() if name not in ("time", "data_time")}


def test_from_training_to_the_same_scores(tool, small_config, tmp_path):
    from mmseg.apis import init_model

    config = small_config(custom_hooks=[{"type": "EMAHook"}], **{"default_hooks.record": {"type": "RunRecordHook"}})
    work = tmp_path / "work"
    assert tool("train.py", config, "--work-dir", work)[0] == 0
    path, out = work / "epoch_1.pth", tmp_path / "out.safetensors"
    status, printed, text = tool("publish.py", config, path, out, "--ema", "--license", "CC-BY-4.0")
    assert status == 0, text
    for told in ("MB, of", "optimizer", "others, built-up", "red, green, blue", "4 x 4 metre", "MINIATURE", "CC-BY-4.0"):
        assert told in printed
    assert "train_dataloader.dataset.data_root" in printed

    for number, weights in enumerate((path, out)):
        assert tool("test.py", config, weights, "--work-dir", tmp_path / f"test{number}")[0] == 0
    assert scores(tmp_path / "test0") == scores(tmp_path / "test1")
    assert "mIoU" in scores(tmp_path / "test1")

    metadata = metadata_of(out)
    assert json.loads(metadata["training"])["data"][0]["fingerprint"]
    everything = "\n".join(metadata.values())
    assert str(tmp_path) not in everything
    assert str(Path.home()) not in everything
    assert init_model(str(config), str(out), device="cpu").dataset_meta["classes"][1] == "built-up", "mmseg's own way"
    assert load_checkpoint_file(out)["meta"]["dataset_meta"]["classes"][1] == "built-up"


def test_what_the_checkpoint_does_not_say_the_data_set_does(small_config, tmp_path, fresh_mmengine):
    config = Config.fromfile(small_config())
    network = MODELS.build({**config.model, "_scope_": "mmseg"})
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    model = publish_model(config, tmp_path / "bare.pth", tmp_path, name="small").model
    assert model.classes == ("others", "built-up", "farmland", "forest", "meadow", "water")
    assert model.bands.names == ("red", "green", "blue")
    assert model.pixel_size == PixelSize(4.0, 4.0, "metre")
    assert model.training_data == ()
    assert model.normalisation == {"type": "RSDataPreprocessor", "mean": [0.0] * 3, "std": [255.0] * 3}

    config.train_dataloader.dataset.data_root = str(tmp_path / "nowhere")
    gone = publish_model(config, tmp_path / "bare.pth", tmp_path, name="small").model
    assert gone.bands == Bands(count=3, names=(), choice=None, dtype=None), "what the config alone says"
    assert gone.pixel_size is None
    config.train_dataloader.dataset.bands = ["nir", "red", "green"]
    assert publish_model(config, tmp_path / "bare.pth", tmp_path, name="small").model.bands.names == ("nir", "red", "green")

    torch.save({"state_dict": network.state_dict(), "meta": {"dataset_meta": {"classes": ("a", "b")}}}, tmp_path / "two.pth")
    with pytest.raises(InputError, match=r"two\.pth: was trained on 2 classes \(a, b\), and the config's model has 6"):
        publish_model(config, tmp_path / "two.pth", tmp_path, name="small")


def test_arguments_that_cannot_be_meant_are_told(tool, small_config, tmp_path):
    config = small_config()
    for words, told in [(["--pixel-size", "-1"], "--pixel-size"), ([], "none.pth")]:
        status, _, text = tool("publish.py", config, tmp_path / "none.pth", tmp_path / "out.safetensors", *words)
        assert status == 1
        assert told in text.splitlines()[-1]
