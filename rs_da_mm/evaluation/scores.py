"""The scores that land-cover papers report, from one confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class LandCoverScores:
    """Accuracy of a land-cover map, everything in percent (0-100).

    With the confusion matrix M (rows truth, columns prediction), n its sum, r_k and c_k its row and column sums and d_k its
    diagonal:

    Attributes:
        overall_accuracy: OA = sum_k d_k / n.
        average_accuracy: AA = mean of d_k / r_k over the classes with r_k > 0.
        kappa: Cohen's kappa = (OA - p_e) / (1 - p_e) with p_e = sum_k r_k c_k / n²; NaN when truth and prediction are one and
            the same single class, where chance alone agrees.
        mean_iou: mIoU = mean of IoU_k over the classes with r_k + c_k > 0.
        frequency_weighted_iou: FWIoU = sum_k (r_k / n) IoU_k over the classes with r_k > 0.
        mean_f1: mF1 = mean of F1_k over the classes with r_k + c_k > 0.
        iou: IoU_k = d_k / (r_k + c_k - d_k), shape (K,).
        f1: F1_k = 2 d_k / (r_k + c_k), shape (K,).
        precision: d_k / c_k (user's accuracy), shape (K,).
        recall: d_k / r_k (producer's accuracy), shape (K,).
        share: r_k / n, how much of the truth the class is, shape (K,).
        matrix: M, pixel counts, shape (K, K).

    A class in neither truth nor prediction (r_k + c_k = 0) has NaN for IoU, F1, precision and recall, and is left out of AA, mIoU
    and mF1. A class in the prediction alone (r_k = 0, c_k > 0) has IoU, F1 and precision 0, which count in mIoU and mF1, and
    recall NaN, which AA leaves out. A class in the truth alone has IoU, F1 and recall 0, which all count, and precision NaN.
    """

    overall_accuracy: float
    average_accuracy: float
    kappa: float
    mean_iou: float
    frequency_weighted_iou: float
    mean_f1: float
    iou: Scores
    f1: Scores
    precision: Scores
    recall: Scores
    share: Scores
    matrix: NDArray[np.int64]

    def summary(self) -> dict[str, float]:
        """The six numbers of a paper's table under the names that a config types: OA, AA, Kappa, mIoU, FWIoU, mF1."""
        return {
            "OA": self.overall_accuracy,
            "AA": self.average_accuracy,
            "Kappa": self.kappa,
            "mIoU": self.mean_iou,
            "FWIoU": self.frequency_weighted_iou,
            "mF1": self.mean_f1,
        }

    def per_class(self) -> dict[str, Scores]:
        """The columns of the per-class table, each of shape (K,)."""
        return {"IoU": self.iou, "F1": self.f1, "Precision": self.precision, "Recall": self.recall}

    @property
    def absent(self) -> list[int]:
        """Classes in neither truth nor prediction."""
        return [int(k) for k in np.flatnonzero(self.matrix.sum(0) + self.matrix.sum(1) == 0)]

    @property
    def only_predicted(self) -> list[int]:
        """Classes that were predicted somewhere and are nowhere in the truth."""
        return [int(k) for k in np.flatnonzero((self.matrix.sum(1) == 0) & (self.matrix.sum(0) > 0))]


def land_cover_scores(matrix: ArrayLike) -> LandCoverScores:
    """Compute every score from a confusion matrix; the definitions are in :class:`LandCoverScores`.

    Args:
        matrix: Pixel counts over the whole set, shape (K, K), rows truth, columns prediction.

    Returns:
        The scores, in percent.

    Raises:
        ValueError: When the matrix is not square, holds a negative count, or counts no pixel at all.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise ValueError(f"expected a square confusion matrix of pixel counts, found shape {counts.shape}")
    if not counts.any():
        raise ValueError("the confusion matrix counts no pixel: there is nothing to score")
    # Products of two row sums pass the range of int64 on a country-sized map.
    exact = counts.astype(np.float64)
    truth, predicted, correct = exact.sum(1), exact.sum(0), np.diag(exact)
    n = exact.sum()
    accuracy, chance = correct.sum() / n, float(truth @ predicted) / n**2
    iou = _ratio(correct, truth + predicted - correct)
    f1 = _ratio(2 * correct, truth + predicted)
    recall = _ratio(correct, truth)
    return LandCoverScores(
        overall_accuracy=float(100 * accuracy),
        average_accuracy=float(100 * np.nanmean(recall)),
        kappa=float(100 * (accuracy - chance) / (1 - chance)) if chance < 1 else float("nan"),
        mean_iou=float(100 * np.nanmean(iou)),
        frequency_weighted_iou=float(100 * np.nansum(truth / n * iou)),
        mean_f1=float(100 * np.nanmean(f1)),
        iou=100 * iou,
        f1=100 * f1,
        precision=100 * _ratio(correct, predicted),
        recall=100 * recall,
        share=100 * truth / n,
        matrix=counts,
    )


def _ratio(part: Scores, whole: Scores) -> Scores:
    """Divide, with NaN for 0/0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
