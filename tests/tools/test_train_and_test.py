"""tools/train.py and tools/test.py as a person runs them."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rs_da_mm.models.macunet import MACUNet
from rs_da_mm.raster import Scene, write_raster

ROOT = Path(__file__).resolve().parents[2]
GID = Path("GID", "Large-scale Classification_5classes")


@pytest.fixture
def tool(monkeypatch, capsys, fresh_mmengine):
    """Run a tool in this process; returns its exit status and what it wrote to standard error."""

    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        try:
            runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
        except SystemExit as left:
            return left.code or 0, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


@pytest.fixture
def small(two_iterations, tmp_path):
    """A config of MACU-Net on GID that trains in seconds: two iterations of a narrow network."""
    config = two_iterations("macunet_gid")
    config.model.backbone.base_channels = 2
    config.model.decode_head.update(in_channels=2, channels=2)
    path = tmp_path / "small.py"
    config.dump(path)
    return path


def in_one_sentence(answer, *told):
    status, text = answer
    error = [line for line in text.splitlines() if line.startswith("error: ")]
    assert status == 1
    assert len(error) == 1, text
    assert "Traceback" not in text
    assert all(word in error[0] for word in told), error[0]


def test_train_resume_and_test(tool, small, tmp_path):
    work = tmp_path / "work"
    assert tool("train.py", small, "--work-dir", work)[0] == 0
    first = torch.load(work / "epoch_1.pth", weights_only=True)
    assert first["meta"]["iter"] == 2

    longer = ["--cfg-options", "train_cfg.max_epochs=2"]
    assert tool("train.py", small, "--work-dir", work, "--resume", *longer)[0] == 0
    second = torch.load(work / "epoch_2.pth", weights_only=True)
    assert second["meta"]["iter"] == 4
    assert len(second["message_hub"]["log_scalars"]["train/loss"]["history"]) == 4, "the history went on from the checkpoint"

    out, pictures = tmp_path / "out", tmp_path / "pictures"
    words = [small, work / "epoch_2.pth", "--work-dir", work, "--out", out, "--show-dir", pictures]
    assert tool("test.py", *words)[0] == 0
    predictions = sorted(out.glob("*.tif"))
    assert len(predictions) == 2
    assert all(Scene(path).crs is not None and Scene(path).shape == (256, 256) for path in predictions)
    assert len(list(pictures.rglob("*.png"))) == 2


def test_tta_averages_over_the_symmetries(tool, small, tmp_path):
    assert tool("train.py", small, "--work-dir", tmp_path / "work")[0] == 0
    words = [small, tmp_path / "work" / "epoch_1.pth", "--work-dir", tmp_path / "work", "--tta", "--out", tmp_path / "out"]
    assert tool("test.py", *words)[0] == 0
    assert len(list((tmp_path / "out").glob("*.tif"))) == 2


def test_amp_trains_in_half_precision_and_scaled_rate(tool, small, tmp_path):
    options = ["--amp", "--auto-scale-lr", "--cfg-options", "val_cfg=None", "val_dataloader=None", "val_evaluator=None"]
    assert tool("train.py", small, "--work-dir", tmp_path, *options, "default_hooks.early_stopping=None")[0] == 0
    state = torch.load(tmp_path / "epoch_1.pth", weights_only=False)
    # Batches of 2 where the rate was chosen for 16.
    assert state["optimizer"]["param_groups"][0]["initial_lr"] == pytest.approx(3e-4 * 2 / 16)
    assert all(weight.dtype == torch.float32 for weight in state["state_dict"].values() if weight.is_floating_point())


def test_what_is_missing_is_said_in_one_sentence(tool, small, tmp_path):
    train = ["train.py", small, "--work-dir", tmp_path]
    nowhere = tmp_path / "nowhere"
    in_one_sentence(
        tool(*train, "--cfg-options", f"train_dataloader.dataset.data_root={nowhere}"), "nowhere", "make_sample_data.py gid"
    )
    in_one_sentence(tool(*train, "--cfg-options", "model.backbone.type=MACUNetz"), "MACUNetz")
    in_one_sentence(tool(*train, "--resume", nowhere), "nowhere", "--resume")
    in_one_sentence(tool(*train, "--auto-scale-lr", "--cfg-options", "auto_scale_lr=None"), "base_batch_size")
    in_one_sentence(tool(*train, "--launcher", "pytorch"), "torchrun")
    in_one_sentence(tool("test.py", small, tmp_path / "none.pth"), "none.pth")


def test_too_little_memory_says_what_to_make_smaller(tool, small, tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 3221225472 bytes.")

    monkeypatch.setattr(MACUNet, "forward", full)
    in_one_sentence(tool("train.py", small, "--work-dir", tmp_path), "memory is full", "batch_size")


def test_weights_of_another_network_are_refused(tool, small, tmp_path):
    torch.save({"state_dict": {"backbone.x": torch.zeros(1)}}, tmp_path / "other.pth")
    in_one_sentence(tool("test.py", small, tmp_path / "other.pth", "--work-dir", tmp_path), "other.pth", "missing in the file")


@pytest.fixture
def broken(miniatures, small, tmp_path):
    """A copy of the miniature to break, and the words that train on it."""
    root = tmp_path / "data"
    shutil.copytree(miniatures / GID, root)
    shutil.rmtree(root / "splits", ignore_errors=True)
    roots = [f"{part}_dataloader.dataset.data_root={root}" for part in ("train", "val", "test")]
    options = [*roots, "train_dataloader.sampler.samples_per_draw=64", "train_dataloader.batch_size=2"]
    return root, ["train.py", small, "--work-dir", tmp_path / "work", "--cfg-options", *options]


def scenes(root, folder="image_RGB"):
    return sorted((root / folder).glob("*.tif"))


def test_a_truncated_scene_is_named(tool, broken):
    root, words = broken
    for path in scenes(root):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    in_one_sentence(tool(*words), ".tif")


def test_a_label_of_an_unknown_colour_is_named(tool, broken):
    root, words = broken
    for path in scenes(root, "label_5classes"):
        label = Scene(path)
        pixels = label.read()
        pixels[::2, ::2] = (1, 2, 3)
        write_raster(path, pixels, georeference=label.georeference())
    in_one_sentence(tool(*words), "_label.tif", "(1, 2, 3)")


def test_a_label_of_another_size_is_named(tool, broken):
    root, words = broken
    path = scenes(root, "label_5classes")[0]
    write_raster(path, Scene(path).read()[:-3], georeference=Scene(path).georeference())
    in_one_sentence(tool(*words), path.name)


def test_a_wrong_band_count_names_the_scene(tool, broken):
    root, words = broken
    for path in scenes(root):
        scene = Scene(path)
        write_raster(path, scene.read()[..., [0, 1, 2, 2]], georeference=scene.georeference())
    in_one_sentence(tool(*words), "image_RGB", "4", "3")


@pytest.mark.slow
def test_two_ranks_train_and_test_on_a_cpu(small, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("the .sh tools need bash")
    environment = {"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    script = ["bash", str(ROOT / "tools" / "dist_train.sh"), str(small), "2", "--work-dir", str(tmp_path / "work")]
    subprocess.run(script, env=environment, cwd=ROOT, check=True)
    script = ["bash", str(ROOT / "tools" / "dist_test.sh"), str(small), str(tmp_path / "work" / "epoch_1.pth"), "2"]
    subprocess.run([*script, "--work-dir", str(tmp_path / "work")], env=environment, cwd=ROOT, check=True)
