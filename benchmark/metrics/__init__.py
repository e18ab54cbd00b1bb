"""The benchmark's metrics: updated batch by batch, merged across processes, computed at the end.

metrics = SegmentationMetrics(classes=9)
metrics.update(truths, predictions)     # arrays or tensors, one size or many
metrics.compute().miou
"""

from benchmark.metrics.boundary import boundary_f1
from benchmark.metrics.classification import ClassificationMetrics, ClassificationScores
from benchmark.metrics.confusion import confusion_matrix
from benchmark.metrics.label_maps import resize_labels
from benchmark.metrics.segmentation import SegmentationMetrics, SegmentationScores

__all__ = [
    "ClassificationMetrics",
    "ClassificationScores",
    "SegmentationMetrics",
    "SegmentationScores",
    "boundary_f1",
    "confusion_matrix",
    "resize_labels",
]
