from __future__ import annotations

import json
import sys
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from safetensors.torch import save_file

from rs_da_mm.engine.checkpoints import addresses as checkpoint_addresses
from rs_da_mm.engine.checkpoints.addresses import cached_file, install_safe_loading, load_from_http
from rs_da_mm.errors import InputError

WEIGHTS = {"weight": torch.arange(6.0)}


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder, and counts what was asked for."""

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A folder on the web: `.folder`, its `.url`, and the paths that were `.asked` for. Torch's cache is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("MMENGINE_HOME", str(tmp_path / "mmengine"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = tmp_path / "web"
    folder.mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(folder=folder, url=f"http://127.0.0.1:{server.server_port}", asked=server.asked)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _safe_loading():
    install_safe_loading()


def everything_under(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_every_scheme_of_mmengine_ends_in_our_reader():
    loaders = {loader.__module__ for loader in CheckpointLoader._schemes.values()}
    assert loaders == {"rs_da_mm.engine.checkpoints.addresses"}


def test_a_download_is_kept_and_asked_for_once(web, tmp_path):
    torch.save({"state_dict": WEIGHTS}, web.folder / "net-0123abcd.pth")
    for _ in range(2):
        loaded = CheckpointLoader.load_checkpoint(f"{web.url}/net-0123abcd.pth", map_location="cpu")
        assert torch.equal(loaded["state_dict"]["weight"], WEIGHTS["weight"])
    assert web.asked == ["/net-0123abcd.pth"]
    assert everything_under(tmp_path / "torch") == [tmp_path / "torch" / "hub" / "checkpoints" / "net-0123abcd.pth"]


def test_safetensors_come_over_the_web_too(web):
    save_file(WEIGHTS, web.folder / "net.safetensors")
    loaded = load_from_http(f"{web.url}/net.safetensors?download=true")
    assert torch.equal(loaded["state_dict"]["weight"], WEIGHTS["weight"])


def test_files_of_one_name_and_two_addresses_are_two_files(web):
    for number in range(2):
        (web.folder / str(number)).mkdir()
        torch.save({"weight": torch.full((1,), float(number))}, web.folder / str(number) / "latest.pth")
    assert [load_from_http(f"{web.url}/{number}/latest.pth")["weight"].item() for number in range(2)] == [0.0, 1.0]
    assert cached_file("https://user:secret@some.org/a/latest.pth?x=1") == cached_file("https://some.org/a/latest.pth")
    assert cached_file("https://some.org/a/n-12345678.pth") == cached_file("https://other.org/n-12345678.pth")


def test_a_malicious_download_is_refused_unrun_and_not_kept(web, tmp_path, write_malicious):
    marker = write_malicious(web.folder / "bad.pth")
    with pytest.raises(InputError, match=rf"{web.url}/bad\.pth: refused.*mkdir"):
        CheckpointLoader.load_checkpoint(f"{web.url}/bad.pth")
    assert not marker.exists()
    assert everything_under(tmp_path / "torch") == []


def test_a_malicious_file_in_the_cache_is_refused_unrun(web, write_malicious):
    cached = cached_file(f"{web.url}/bad-01234567.pth")
    cached.parent.mkdir(parents=True)
    marker = write_malicious(cached)
    with pytest.raises(InputError, match=r"bad-01234567\.pth: refused.*download of http.*delete it"):
        CheckpointLoader.load_checkpoint(f"{web.url}/bad-01234567.pth")
    assert not marker.exists()


def test_a_download_that_broke_off_is_told_and_fetched_again_next_time(web):
    path = web.folder / "net.pth"
    torch.save(WEIGHTS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"/net\.pth: cannot be read as a checkpoint"):
        load_from_http(f"{web.url}/net.pth")
    path.write_bytes(whole)
    assert torch.equal(load_from_http(f"{web.url}/net.pth")["weight"], WEIGHTS["weight"])


def test_an_address_without_a_file_is_told(web):
    with pytest.raises(InputError, match=r"none\.pth: cannot be fetched \(HTTPError.*404"):
        load_from_http(f"{web.url}/none.pth")
    with pytest.raises(InputError, match="names no file"):
        load_from_http(f"{web.url}/")
    for name in ("..", "a\\b", "c:d"):
        with pytest.raises(InputError, match="names no file"):
            cached_file(f"https://some.org/{name}")


@pytest.mark.parametrize("there", [True, False])
def test_the_first_rank_fetches_before_the_others_look(web, monkeypatch, there):
    if there:
        torch.save(WEIGHTS, web.folder / "net.pth")
    steps = web.asked
    monkeypatch.setattr(checkpoint_addresses, "barrier", lambda: steps.append("barrier"))
    for rank in range(2):
        monkeypatch.setattr(checkpoint_addresses, "get_dist_info", lambda rank=rank: (rank, 2))
        try:
            load_from_http(f"{web.url}/net.pth")
        except InputError:
            assert not there
        steps.append(f"end of rank {rank}")
    second = [] if there else ["/net.pth"]
    assert steps == ["/net.pth", "barrier", "end of rank 0", "barrier", *second, "end of rank 1"]


@pytest.mark.parametrize(
    ("listing", "scheme"),
    [
        ("get_torchvision_models", "torchvision"),
        ("get_torchvision_models", "modelzoo"),
        ("get_external_models", "open-mmlab"),
        ("get_external_models", "openmmlab"),
        ("get_mmcls_models", "mmcls"),
    ],
)
def test_named_checkpoints_are_fetched_safely(web, monkeypatch, write_malicious, listing, scheme):
    addresses = {"good": f"{web.url}/good.pth", "bad": f"{web.url}/bad.pth"}
    monkeypatch.setattr(mmengine_checkpoint, listing, lambda: addresses)
    torch.save({"state_dict": {"backbone.weight": torch.ones(2)}}, web.folder / "good.pth")
    marker = write_malicious(web.folder / "bad.pth")
    loaded = CheckpointLoader.load_checkpoint(f"{scheme}://good", map_location="cpu")
    assert list(loaded["state_dict"]) == ["weight" if scheme == "mmcls" else "backbone.weight"]
    with pytest.raises(InputError, match=r"bad\.pth: refused"):
        CheckpointLoader.load_checkpoint(f"{scheme}://bad")
    assert not marker.exists()
    with pytest.raises(InputError, match=rf"{scheme}://god: mmengine knows no checkpoint.*good"):
        CheckpointLoader.load_checkpoint(f"{scheme}://god")


def test_mmengines_own_lists_still_resolve(monkeypatch):
    asked = []
    monkeypatch.setattr(checkpoint_addresses, "load_from_http", lambda url, _place: asked.append(url) or {"state_dict": {}})
    for name in ("torchvision://resnet50", "open-mmlab://resnet50_v1c", "mmcls://vgg16", "open-mmlab://resnet50_caffe"):
        CheckpointLoader.load_checkpoint(name)
    assert len(asked) == 4
    assert all(url.startswith("https://") and url.endswith(".pth") for url in asked)


def test_the_users_own_list_may_name_a_file(web, tmp_path, write_malicious):
    home = tmp_path / "mmengine"
    home.mkdir()
    (home / "open_mmlab.json").write_text(json.dumps({"mine": "mine.pth", "bad": "bad.pth"}), encoding="utf-8")
    torch.save(WEIGHTS, home / "mine.pth")
    marker = write_malicious(home / "bad.pth")
    assert torch.equal(CheckpointLoader.load_checkpoint("open-mmlab://mine")["weight"], WEIGHTS["weight"])
    with pytest.raises(InputError, match=r"bad\.pth: refused"):
        CheckpointLoader.load_checkpoint("open-mmlab://bad")
    assert not marker.exists()


def fake_module(monkeypatch, name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("address", ["s3://bucket/{}", "petrel://bucket/{}", "cluster:s3://bucket/{}"])
def test_an_object_store_is_read_safely(monkeypatch, tmp_path, write_malicious, address):
    store = tmp_path / "store"
    store.mkdir()
    torch.save(WEIGHTS, store / "net.pth")
    marker = write_malicious(store / "bad.pth")
    client = SimpleNamespace(Get=lambda path: (store / path.rpartition("/")[2]).read_bytes())
    fake_module(monkeypatch, "petrel_client", client=SimpleNamespace(Client=lambda **_settings: client))
    assert torch.equal(CheckpointLoader.load_checkpoint(address.format("net.pth"))["weight"], WEIGHTS["weight"])
    with pytest.raises(InputError, match=f"{address.format('bad.pth')}: refused"):
        CheckpointLoader.load_checkpoint(address.format("bad.pth"))
    assert not marker.exists()


def test_pavi_is_read_safely(monkeypatch, tmp_path, write_malicious):
    with pytest.raises(InputError, match="pavi"):
        CheckpointLoader.load_checkpoint("pavi://team/net.pth")
    marker = write_malicious(tmp_path / "bad.pth")

    def download(place):
        Path(place).write_bytes((tmp_path / "bad.pth").read_bytes())

    model = SimpleNamespace(download=download)
    fake_module(monkeypatch, "pavi", modelcloud=SimpleNamespace(get=lambda name: model))
    with pytest.raises(InputError, match=r"pavi://team/bad\.pth: refused"):
        CheckpointLoader.load_checkpoint("pavi://team/bad.pth")
    assert not marker.exists()
