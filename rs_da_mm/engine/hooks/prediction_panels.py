"""Pictures of what a model makes of a few samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader

from rs_da_mm.evaluation.samples import file_stem, plane
from rs_da_mm.registry import HOOKS
from rs_da_mm.visualization import draw_panel, save_panels


@HOOKS.register_module()
class PredictionPanelHook(Hook):
    """Writes image, label and prediction of a few samples side by side, at every validation and test.

    The samples are spread evenly over what rank 0 evaluates, so they are the same ones every time and a reader can leaf through
    the epochs. They go to ``<work_dir>/<time>/panels/epoch_005/…png`` (``iter_…`` without epochs, ``test`` for a test).

    Args:
        interval: Panels are written at every ``interval``-th validation; 0 writes none. A test always counts.
        max_panels: Samples per validation or test; 0 writes none.
        out_dir: Where ``panels`` goes instead of the run's log folder.
    """

    priority = "LOW"

    def __init__(self, interval: int = 1, max_panels: int = 8, out_dir: str | Path | None = None) -> None:
        self.interval = interval
        self.max_panels = max_panels
        self.out_dir = out_dir
        self._training = False
        self._validations = 0
        self._seen = 0
        self._chosen: frozenset[int] = frozenset()
        self._folder = Path()

    def before_train(self, runner: Runner) -> None:
        """Remember that there are epochs to name the folders after."""
        self._training = True

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the samples, where it is the turn of this validation."""
        self._validations += 1
        if self.interval > 0 and self._validations % self.interval == 0:
            self._begin(runner, runner.val_dataloader, _moment(runner) if self._training else "val")

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw the chosen samples of this batch."""
        self._draw(runner, data_batch, outputs or ())

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Forget the choice."""
        self._chosen = frozenset()

    def before_test_epoch(self, runner: Runner) -> None:
        """Choose the samples."""
        if self.interval > 0:
            self._begin(runner, runner.test_dataloader, "test")

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw the chosen samples of this batch."""
        self._draw(runner, data_batch, outputs or ())

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Forget the choice."""
        self._chosen = frozenset()

    def _begin(self, runner: Runner, loader: DataLoader[Any], when: str) -> None:
        self._seen = 0
        if is_main_process():
            self._chosen = evenly_spread(self.max_panels, len(loader.sampler))  # type: ignore[arg-type]
            self._folder = Path(self.out_dir or runner.log_dir) / "panels" / when

    def _draw(self, runner: Runner, data_batch: Any, outputs: Sequence[Any]) -> None:
        if not self._chosen:
            return
        for index, sample in enumerate(outputs):
            position = self._seen + index
            if position in self._chosen and "pred_sem_seg" in sample:
                fields = sample.to_dict()
                path = self._folder / f"{position:05d}_{file_stem(fields)}.png"
                _write_panel(path, data_batch["inputs"][index], fields, runner.visualizer.dataset_meta or {})
        self._seen += len(outputs)


def evenly_spread(count: int, total: int) -> frozenset[int]:
    """Choose ``count`` of the positions 0 to ``total - 1``, or all when there are fewer, at equal distances."""
    count = min(count, total)
    return frozenset((2 * index + 1) * total // (2 * count) for index in range(count))


def _write_panel(path: Path, image: Tensor, sample: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Draw one sample: its image (bands, H, W) as it was loaded, its label where there is one, its prediction."""
    maps = {
        field: plane(sample[field]["data"]).cpu().numpy()
        for field in ("gt_sem_seg", "pred_sem_seg", "valid_mask")
        if field in sample
    }
    prediction = maps["pred_sem_seg"]
    panel = draw_panel(
        _of_size(image, prediction.shape).permute(1, 2, 0).cpu().numpy(),
        maps.get("gt_sem_seg"),
        prediction,
        valid=maps.get("valid_mask"),
        classes=meta.get("classes"),
        palette=meta.get("palette"),
        title=file_stem(sample),
        band_names=sample.get("bands"),
        errors="gt_sem_seg" in maps,
    )
    save_panels([panel], path)


def _of_size(image: Tensor, size: tuple[int, ...]) -> Tensor:
    """The image on the grid of its prediction, which a test pipeline that resizes brings back to the image's first size."""
    if image.shape[1:] == size:
        return image
    return interpolate(image[None].float(), size=size, mode="nearest")[0].to(image.dtype)


def _moment(runner: Runner) -> str:
    """Name the moment of a validation after the epoch, or the step, that it follows."""
    return f"epoch_{runner.epoch:03d}" if runner.max_epochs > 1 else f"iter_{runner.iter:06d}"
