from __future__ import annotations

import hashlib
import json

import pytest
import torch
from mmengine.runner import load_checkpoint
from safetensors.torch import save_file
from torch import nn

from rs_da_mm.engine.checkpoints import load_checkpoint_file
from rs_da_mm.engine.checkpoints.weights_file import read_metadata, weights_sha256
from rs_da_mm.errors import InputError


def test_safetensors_load_into_a_model_through_mmengine(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    load_checkpoint(target, str(tmp_path / "weights.safetensors"), strict=True)
    assert torch.equal(source.weight, target.weight)


def test_damaged_safetensors_are_named(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"weights\.safetensors: is not a readable"):
        load_checkpoint_file(tmp_path / "weights.safetensors")


def test_the_hash_is_over_names_kinds_shapes_and_bytes():
    weight = torch.tensor([[1.0, 2.0]])
    expected = hashlib.sha256()
    for head, content in (('["a", "float32", [1, 2]]', weight.numpy().tobytes()), ('["b", "int64", []]', bytes([7, *[0] * 7]))):
        expected.update(f"{len(head)}:{head}".encode() + content)
    assert weights_sha256({"b": torch.tensor(7), "a": weight}) == expected.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"b": torch.zeros(2, 3)},
        {"a": torch.zeros(3, 2)},
        {"a": torch.zeros(2, 3, dtype=torch.int32)},
        {"a": -torch.zeros(2, 3)},
        {"a": torch.zeros(2, 3), "b": torch.zeros(0)},
    ],
)
def test_the_hash_changes_with_anything_that_is_hashed(other):
    assert weights_sha256(other) != weights_sha256({"a": torch.zeros(2, 3)})


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.bool, torch.uint16, torch.complex64, torch.float8_e4m3fn])
def test_every_kind_of_tensor_has_a_hash_and_its_layout_in_memory_does_not_matter(kind):
    tensor = torch.arange(6).reshape(2, 3).to(kind)
    assert weights_sha256({"a": tensor}) == weights_sha256({"a": tensor.T.contiguous().T})


def publish(path, weights, **metadata):
    save_file(weights, path, metadata={"weights_sha256": weights_sha256(weights), **metadata})


def test_changed_weights_of_a_published_file_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    publish(path, {"a": torch.ones(4)})
    assert torch.equal(load_checkpoint_file(path)["state_dict"]["a"], torch.ones(4))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors: is damaged or was changed"):
        load_checkpoint_file(path)


def test_the_classes_come_with_the_weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    meta = {"classes": ["field", "road"], "palette": [[0, 0, 0], [1, 1, 1]]}
    publish(path, {"a": torch.ones(1)}, dataset_meta=json.dumps(meta))
    assert load_checkpoint_file(path)["meta"] == {"dataset_meta": meta}
    assert json.loads(read_metadata(path)["dataset_meta"]) == meta
    publish(path, {"a": torch.ones(1)}, dataset_meta="{")
    with pytest.raises(InputError, match=r"weights\.safetensors: its 'dataset_meta' is not JSON"):
        load_checkpoint_file(path)


def test_a_file_of_others_keeps_its_metadata_to_itself(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "theirs.safetensors", metadata={"dataset_meta": "theirs"})
    assert load_checkpoint_file(tmp_path / "theirs.safetensors")["meta"] == {}
