"""The benchmark's metrics: update by batch, merge across processes, compute at the end.

metrics = SegmentationMetrics(classes=9)
metrics.update(truths, predictions)     # arrays or tensors, one size or many
metrics.compute().miou
"""

from benchmark.boundary import boundary_f1
from benchmark.classification_metrics import ClassificationMetrics, ClassificationScores
from benchmark.confusion import confusion_matrix
from benchmark.label_maps import resize_labels
from benchmark.segmentation_metrics import SegmentationMetrics, SegmentationScores

__all__ = [
    "ClassificationMetrics",
    "ClassificationScores",
    "SegmentationMetrics",
    "SegmentationScores",
    "boundary_f1",
    "confusion_matrix",
    "resize_labels",
]
