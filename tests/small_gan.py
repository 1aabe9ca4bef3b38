"""A tiny GAN that trains through mmengine's Runner in under a second, for tests of everything around a model.

``custom_imports = dict(imports=['small_gan'])`` registers it; this folder must be on ``PYTHONPATH``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from torch import Tensor, nn
from torch.utils.data import Dataset

import rs_da_mm.engine.optimizers  # noqa: F401  (registers the constructor, and with it all of the engine)
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep, shared_forward
from rs_da_mm.registry import DATASETS, METRICS, MODELS

NOISE = 4


@DATASETS.register_module()
class SmallPatches(Dataset):
    """Smooth patches, flipped and brightened at random with ``np.random``.

    Args:
        length: Number of patches.
    """

    metainfo: dict[str, Any] = {"classes": ("land",)}  # noqa: RUF012

    def __init__(self, length: int = 10) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row, column = np.mgrid[:8, :8] / 8
        patch = np.stack([np.sin(row * 3 + index), np.cos(column * 3 - index)])
        if np.random.random() < 0.5:  # noqa: NPY002  (as transforms of mmcv do)
            patch = patch[:, :, ::-1]
        patch = patch * np.random.uniform(0.8, 1.2)  # noqa: NPY002
        return {"inputs": torch.from_numpy(patch.astype(np.float32))}


class SmallGenerator(nn.Sequential):
    """Noise (N, 4) to patches (N, 2, 8, 8), with dropout and batch normalisation."""

    def __init__(self, dropout: float = 0.2, norm: bool = True) -> None:
        super().__init__(
            nn.Linear(NOISE, 6 * 4 * 4),
            nn.Unflatten(1, (6, 4, 4)),
            nn.BatchNorm2d(6) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ConvTranspose2d(6, 2, 4, stride=2, padding=1),
            nn.Tanh(),
        )


class SmallDiscriminator(nn.Sequential):
    """Patches (N, 2, 8, 8) to scores (N,)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(2, 6, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(96, 1), nn.Flatten(0)
        )


@MODELS.register_module()
class SmallGAN(AdversarialModel):
    """A GAN with least squares: the discriminator learns in every iteration, the generator in every second one.

    Args:
        generator_every: See :class:`NetworkStep`.
        dropout: Of the generator.
        norm: Whether the generator normalises by batch statistics.
        ema: Decay of the generator's average; ``None`` for no average.
        **options: Of :class:`AdversarialModel`.
    """

    def __init__(
        self, generator_every: int = 2, dropout: float = 0.2, norm: bool = True, ema: float | None = 0.9, **options: Any
    ) -> None:
        super().__init__(
            networks={"generator": SmallGenerator(dropout, norm), "discriminator": SmallDiscriminator()},
            steps=[NetworkStep("discriminator"), NetworkStep("generator", every=generator_every)],
            ema=None if ema is None else {"generator": ema},
            **options,
        )

    @shared_forward("generator")
    def fakes(self, batch: dict[str, Any]) -> Tensor:
        return self.generator(self.noise(len(batch["inputs"]), NOISE))

    def discriminator_loss(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        real, fake = self.discriminator(torch.stack(batch["inputs"])), self.discriminator(self.fakes(batch))
        return {"loss_real": (real - 1).square().mean(), "loss_fake": fake.square().mean()}

    def generator_loss(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"loss_adversarial": (self.discriminator(self.fakes(batch)) - 1).square().mean()}

    def infer(self, inputs: list[Tensor], data_samples: Any = None) -> Tensor:
        """Patches for the inputs' mean values as noise, so that they depend on weights alone."""
        return self.inference_network("generator")(torch.stack([patch.mean().expand(NOISE) for patch in inputs]))


@METRICS.register_module()
class SmallMetric(BaseMetric):
    """Mean of all generated values."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results += [float(patch.mean()) for patch in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"mean": float(np.mean(results))}


def small_gan_config(
    work_dir: str | Path, *, by_epoch: bool = False, iterations: int = 12, accumulate: int = 1, **overrides: Any
) -> Config:
    """A config that trains :class:`SmallGAN` on a CPU.

    Args:
        work_dir: Where the run writes.
        by_epoch: Epochs of 4 iterations instead of iterations.
        iterations: Length of the training; with ``by_epoch`` a multiple of 4.
        accumulate: Backward passes per update of the generator.
        **overrides: Merged into the config last; nested keys as ``**{'default_hooks.checkpoint.interval': 3}``.
    """
    loop = "ResumableEpochBasedTrainLoop" if by_epoch else "ResumableIterBasedTrainLoop"
    sampler = "DefaultSampler" if by_epoch else "InfiniteSampler"
    length = {"max_epochs": iterations // 4} if by_epoch else {"max_iters": iterations}
    loader = {"batch_size": 2, "num_workers": 0, "dataset": {"type": "SmallPatches", "length": 8}}
    adam = {"type": "Adam", "lr": 1e-2, "betas": (0.5, 0.9)}
    unit = {"by_epoch": by_epoch, "end": length.get("max_epochs", iterations)}
    config = Config(
        {
            "custom_imports": {"imports": ["small_gan"]},
            "default_scope": "mmengine",
            "work_dir": str(work_dir),
            "experiment_name": Path(work_dir).name,
            "log_level": "ERROR",
            "randomness": {"seed": 5},
            "model": {"type": "SmallGAN"},
            "optim_wrapper": {
                "constructor": "NetworkOptimWrapperConstructor",
                "generator": {"optimizer": dict(adam), "accumulative_counts": accumulate},
                "discriminator": {"optimizer": dict(adam), "clip_grad": {"max_norm": 5.0}},
            },
            "param_scheduler": {
                "generator": [{"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.5, **unit}],
                "discriminator": [{"type": "ConstantLR", "factor": 0.5, **unit}],
            },
            "train_cfg": {"type": loop, **length, "val_interval": 1000},
            "train_dataloader": {
                **loader,
                "sampler": {"type": sampler, "shuffle": True},
            },
            "val_cfg": {},
            "val_dataloader": {**loader, "sampler": {"type": "DefaultSampler", "shuffle": False}},
            "val_evaluator": {"type": "SmallMetric"},
            "default_hooks": {
                "logger": {"type": "LoggerHook", "interval": 1},
                "checkpoint": {"type": "AtomicCheckpointHook", "by_epoch": by_epoch, "interval": 1 if by_epoch else 4},
            },
            "log_processor": {"by_epoch": by_epoch},
        }
    )
    config.merge_from_dict(overrides)
    return config
