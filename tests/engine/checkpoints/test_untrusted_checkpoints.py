"""A checkpoint that wants to run a program is refused wherever one is taken, and the program does not run."""

from __future__ import annotations

import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest
import torch


@pytest.fixture
def refused(tool, small_config, tmp_path, write_malicious, monkeypatch):
    """Run a tool on a malicious checkpoint and see that it is refused, by name and in one sentence."""

    def run(name, words, path, told="refused, because it holds more than weights and plain data (it calls ", **settings):
        marker = write_malicious(path)
        config = small_config(**settings)
        status, _, text = tool(name, config, *words, *([] if name == "publish.py" else ["--work-dir", tmp_path / "work"]))
        assert not marker.exists(), "the program ran"
        error = [line for line in text.splitlines() if line.startswith("error: ")]
        assert status == 1, text
        assert len(error) == 1, text
        assert path.name in error[0]
        assert told in error[0]

    return run


@pytest.fixture
def bad(tmp_path):
    return tmp_path / "bad.pth"


def test_resume_from_a_file(refused, bad):
    refused("train.py", ["--resume", bad], bad)


def test_resume_from_the_last_checkpoint(refused, tmp_path):
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "epoch_1.pth"
    (tmp_path / "work" / "last_checkpoint").write_text(str(path), encoding="utf-8")
    refused("train.py", ["--resume"], path)


def test_load_from(refused, bad):
    refused("train.py", ["--cfg-options", f"load_from={bad}"], bad)


@pytest.mark.parametrize("part", ["backbone", "decode_head"])
def test_the_pretrained_weights_of_a_part(refused, bad, part):
    pretrained = {"type": "Pretrained", "checkpoint": str(bad)}
    if part == "decode_head":  # which has an init_cfg of its own
        pretrained["_delete_"] = True
    refused("train.py", [], bad, **{f"model.{part}.init_cfg": pretrained})


def test_the_checkpoint_to_test(refused, bad):
    refused("test.py", [bad], bad)


def test_the_checkpoint_to_publish(refused, bad, tmp_path):
    refused("publish.py", [bad, tmp_path / "out.safetensors"], bad)
    assert not (tmp_path / "out.safetensors").exists()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def test_a_checkpoint_on_the_web(refused, bad, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    server = HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        refused("train.py", ["--cfg-options", f"load_from=http://127.0.0.1:{server.server_port}/bad.pth"], bad)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("hook", ["CheckpointHook", "AtomicCheckpointHook"])
def test_a_config_inside_a_checkpoint_is_not_run_by_a_resume(tool, small_config, tmp_path, hook):
    """mmengine executes `meta['config']` of what it resumes from as a Python program."""
    config = small_config(**{"default_hooks.checkpoint": {"type": hook, "_delete_": True}})
    work, marker, path = tmp_path / "work", tmp_path / "was_run", tmp_path / "talking.pth"
    assert tool("train.py", config, "--work-dir", work)[0] == 0
    checkpoint = torch.load(work / "epoch_1.pth", weights_only=False)
    checkpoint["meta"]["config"] = f"made = __import__('os').mkdir({str(marker)!r})"
    torch.save(checkpoint, path)
    words = ["--work-dir", work, "--resume", path, "--cfg-options", "train_cfg.max_epochs=2"]
    assert tool("train.py", config, *words)[0] == 0
    assert not marker.exists()
