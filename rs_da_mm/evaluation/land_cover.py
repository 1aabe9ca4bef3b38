"""The metric of land-cover segmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.confusion import confusion_matrices
from rs_da_mm.evaluation.predictions import PredictionWriter
from rs_da_mm.evaluation.report import score_table, write_report
from rs_da_mm.evaluation.samples import place, plane, truth
from rs_da_mm.evaluation.scores import LandCoverScores, land_cover_scores
from rs_da_mm.registry import METRICS


@METRICS.register_module()
class LandCoverMetric(BaseMetric):
    """OA, AA, Kappa, mIoU, FWIoU, mF1 and a per-class table, from one confusion matrix over the whole set, in percent.

    What each score is, and what becomes of classes that are absent, is written in :class:`LandCoverScores`. Every sample leaves
    one small matrix, so that the samples by which mmengine's sampler pads the last batch are cut off again: any number of ranks
    gives the numbers of one. Pixels are not counted where the label is ``ignore_index`` or the sample's valid mask is 0.

    Args:
        ignore_index: Label of pixels that are not counted.
        per_class: Whether the returned dict also holds ``IoU.<class>``, ``F1.<class>``, ``Precision.<class>`` and
            ``Recall.<class>``, where they are defined. The table is logged in any case.
        report_dir: Folder for ``scores.json`` and ``confusion_matrix.csv``; nothing is written without one.
        output_dir: Folder for the predictions, see :class:`PredictionWriter`; nothing is written without one.
        format_only: Only write predictions and compute nothing: for data without labels. Needs ``output_dir``.
        collect_device: ``'cpu'`` collects the ranks' results through a folder that they share, ``'gpu'`` through the process
            group (of whatever backend), which needs no shared folder.
        prefix: Put before every name (``prefix/mIoU``); none by default, so that ``save_best='mIoU'`` works.
        collect_dir: The shared folder of ``collect_device='cpu'``; ``.dist_test`` in the current one by default.

    Raises:
        InputError: While evaluating, when a label or a prediction is out of range, its shapes differ, a sample has no label, or
            no pixel of the whole set is labelled.
    """

    default_prefix = ""  # None would make mmengine warn that there is none

    def __init__(
        self,
        ignore_index: int = 255,
        per_class: bool = False,
        report_dir: str | Path | None = None,
        output_dir: str | Path | None = None,
        format_only: bool = False,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if format_only and output_dir is None:
            raise InputError("LandCoverMetric: format_only=True writes predictions and nothing else; give output_dir, where to.")
        self.ignore_index = ignore_index
        self.per_class = per_class
        self.report_dir = report_dir
        self.output_dir = output_dir
        self.format_only = format_only
        self._writer: PredictionWriter | None = None

    @property
    def classes(self) -> Sequence[str]:
        """Class names of the data set."""
        meta = self.dataset_meta
        if meta is None or "classes" not in meta:
            raise InputError("LandCoverMetric: the data set names no classes. Give its METAINFO (or `metainfo=`) 'classes'.")
        classes: Sequence[str] = meta["classes"]
        return classes

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Take in one batch.

        Args:
            data_batch: Not looked at.
            data_samples: Dicts with ``pred_sem_seg`` and ``gt_sem_seg``, each with ``data`` of shape (1, H, W) or (H, W), and
                optionally ``valid_mask`` (1 where there is data), ``img_path`` and ``window``.
        """
        if self.output_dir is not None:
            writer = self._prediction_writer()
            for sample in data_samples:
                writer.write(sample)
        if self.format_only:
            self.results.extend(True for _ in data_samples)
            return
        matrices = confusion_matrices(
            [plane(sample["pred_sem_seg"]["data"]) for sample in data_samples],
            [truth(sample, self.ignore_index) for sample in data_samples],
            len(self.classes),
            self.ignore_index,
            [place(sample) for sample in data_samples],
        )
        self.results.extend(matrices)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Score the whole set; called by mmengine on rank 0 with the results of all ranks.

        Args:
            results: One confusion matrix per sample.

        Returns:
            ``OA``, ``AA``, ``Kappa``, ``mIoU``, ``FWIoU``, ``mF1`` in percent and full precision; with ``per_class`` more.
        """
        if self.format_only:
            print_log(f"The predictions of {len(results)} samples are in {self.output_dir}.", logger="current")
            return {}
        matrix = np.sum(results, axis=0, dtype=np.int64)
        if not matrix.any():
            raise InputError(
                f"LandCoverMetric: none of the {len(results)} samples has a labelled pixel (all are {self.ignore_index} or "
                "without data). Check the labels of this part of the data set, and its split."
            )
        scores = land_cover_scores(matrix)
        print_log("\n" + score_table(scores, self.classes), logger="current")
        if self.report_dir is not None:
            write_report(self.report_dir, scores, self.classes)
        return {**scores.summary(), **(self._class_scores(scores) if self.per_class else {})}

    def _class_scores(self, scores: LandCoverScores) -> dict[str, float]:
        return {
            f"{name}.{label}": float(column[k])
            for name, column in scores.per_class().items()
            for k, label in enumerate(self.classes)
            if not np.isnan(column[k])
        }

    def _prediction_writer(self) -> PredictionWriter:
        if self._writer is None:
            assert self.output_dir is not None
            self._writer = PredictionWriter(self.output_dir, (self.dataset_meta or {}).get("palette"))
        return self._writer
