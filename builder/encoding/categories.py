"""Maps object names to the supercategories of the paper's Figure 3.

The names are COCO's 80 categories and those categories of COCO-Stuff that are edited as objects.
"""

import re

SUPERCATEGORIES: dict[str, tuple[str, ...]] = {
    "person": ("person",),
    "vehicle": ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    "outdoor": ("traffic light", "fire hydrant", "stop sign", "parking meter", "bench"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "accessory": ("backpack", "umbrella", "handbag", "tie", "suitcase"),
    "sports": (
        "frisbee",
        "skis",
        "snowboard",
        "sports ball",
        "kite",
        "baseball bat",
        "baseball glove",
        "skateboard",
        "surfboard",
        "tennis racket",
    ),
    "kitchen": ("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    "food": (
        "banana",
        "apple",
        "sandwich",
        "orange",
        "broccoli",
        "carrot",
        "hot dog",
        "pizza",
        "donut",
        "cake",
    ),
    "furniture": ("chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    "electronic": ("tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    "appliance": ("microwave", "oven", "toaster", "sink", "refrigerator"),
    "indoor": ("book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
    "plant": ("tree", "bush", "flower", "grass", "leaf", "leaves", "petal", "branch"),
    "building": ("building", "house", "tower", "roof", "bridge", "tent", "skyscraper", "pagoda", "temple"),
    "landscape": ("mountain", "hill", "lake", "river", "sea", "waterfall", "cloud", "sky", "beach"),
}
"""The supercategories of COCO's instance annotations, in its order, then those of COCO-Stuff."""

OTHER = "other"

_FURTHER: dict[str, tuple[str, ...]] = {
    "person": ("man", "woman", "boy", "girl", "child", "people", "face", "hand", "hair"),
    "vehicle": ("space shuttle", "rocket", "wheel", "headlight", "fuel tank", "fender", "engine", "seat"),
    "outdoor": ("flag", "floodlight", "street sign"),
    "animal": ("eye", "nose", "muzzle", "ear", "paw", "tail"),
    "accessory": ("hat", "helmet", "collar", "badge", "patch", "shoe", "glasses"),
    "kitchen": ("saucer", "plate", "mug"),
    "food": ("coffee",),
    "furniture": ("table", "desk", "shelf"),
    "indoor": ("box", "storage bin", "tub"),
    "plant": ("flower centre", "bud"),
    "building": ("mast", "gantry", "launch pad"),
}
"""Words of everyday captions and parts of those objects: a wheel counts with vehicles."""

_GROUP_OF = {
    name: group for words in (_FURTHER, SUPERCATEGORIES) for group, names in words.items() for name in names
}
_LONGEST_FIRST = sorted(_GROUP_OF, key=len, reverse=True)


def supercategory(name: str) -> str:
    """The supercategory of an object, by its name or the longest COCO name in it; OTHER where it has none.

    >>> supercategory("hot dog"), supercategory("two red Cars"), supercategory("violin")
    ('food', 'vehicle', 'other')
    """
    words = name.lower().strip()
    if words in SUPERCATEGORIES:
        return words
    for known in _LONGEST_FIRST:
        if re.search(rf"\b{re.escape(known)}(s|es)?\b", words):
            return _GROUP_OF[known]
    return OTHER
