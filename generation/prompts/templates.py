"""The words of template prompts by kind of object: changes, additions and backgrounds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        adjectives: placed before the object's name, for another colour, material, age or state.
        endings: placed after the object's name, for the same.
        additions: objects that may replace it, with their articles.
        backgrounds: descriptions of the place after its removal.
    """

    adjectives: tuple[str, ...]
    endings: tuple[str, ...]
    additions: tuple[str, ...]
    backgrounds: tuple[str, ...]


ANYWHERE = (
    "empty background that continues the surroundings",
    "the undisturbed scene behind, seamless and plain",
    "plain background in the colours and texture of what is around",
)
"""Backgrounds for every kind of object."""

_ON_A_TABLE = ("an empty tabletop", "a clean, bare table surface", "an empty surface with soft, even light")
_INDOOR = ("an empty floor and a bare wall", "empty space in the room, wall and floor", "a plain, bare wall")
_OUTDOOR = (
    "bare ground and the scenery behind it",
    "open, empty ground",
    "empty pavement and the view behind it",
)
_IN_THE_SKY = ("a clear, empty sky", "an empty sky with a few soft clouds", "an open sky in even daylight")
_ON_WATER = ("calm, open water", "gentle waves on open water", "an empty stretch of water")

KINDS: dict[str, Kind] = {
    "person": Kind(
        (),
        (
            "wearing a bright red raincoat",
            "wearing a knitted green jumper",
            "in a dark formal suit",
            "wearing a denim jacket",
            "in a flowery summer outfit",
            "in a medieval costume",
            "wearing a yellow high-visibility vest",
            "in an astronaut's suit",
            "wearing a wide-brimmed straw hat",
            "with long silver hair",
            "with short, bright pink hair",
            "with grey hair and wrinkled skin",
            "wearing a striped sailor shirt",
            "in a white laboratory coat",
        ),
        (
            "a life-size bronze statue",
            "a friendly golden retriever",
            "a tall potted palm",
            "a humanoid robot of white plastic",
            "a snowman with a carrot nose",
            "a wooden easel with a painting on it",
            "a large brown teddy bear",
            "a suit of medieval armour on a stand",
        ),
        ("the background behind, empty and undisturbed", *_OUTDOOR),
    ),
    "animal": Kind(
        (
            "snow-white",
            "jet-black",
            "golden-brown",
            "young",
            "wet and muddy",
            "grey and old",
            "spotted",
            "striped",
        ),
        (
            "made of carved wood",
            "made of folded paper",
            "covered in colourful paint powder",
            "made of polished bronze",
        ),
        (
            "a large woven basket",
            "a mossy boulder",
            "a wooden barrel",
            "a red toy tractor",
            "a big orange pumpkin",
            "a bush full of white roses",
            "a garden gnome",
        ),
        ("the ground and the scenery behind, empty", "a quiet, empty spot", *_OUTDOOR),
    ),
    "vehicle": Kind(
        (
            "bright red",
            "matte black",
            "glossy white",
            "rusty old",
            "vintage",
            "mud-splattered",
            "electric blue",
            "futuristic silver",
            "yellow and green",
            "dented",
        ),
        (
            "with racing stripes",
            "covered in dust",
            "covered in fresh snow",
            "painted with flowers",
            "covered in graffiti",
        ),
        (
            "a horse-drawn carriage",
            "a market stall full of fruit",
            "a round stone fountain",
            "a stack of hay bales",
            "a green camping tent",
            "a small wooden hut",
            "a large concrete flower tub",
        ),
        ("an empty road and the view behind it", *_OUTDOOR),
    ),
    "airborne": Kind(
        ("bright red", "rainbow-coloured", "silver", "vintage", "black and yellow", "sky-blue", "striped"),
        ("trailing coloured smoke", "painted with stars", "with a shark's grin painted on it"),
        (
            "a colourful hot-air balloon",
            "a silver airship",
            "a flock of white geese",
            "a bunch of red party balloons",
        ),
        _IN_THE_SKY,
    ),
    "water": Kind(
        ("bright red", "weathered wooden", "white and blue", "vintage", "yellow", "patched-up old", "sea-green"),
        ("with a striped pattern", "with a flame pattern", "covered in seaweed"),
        (
            "a floating wooden pier",
            "a white swan",
            "an orange buoy",
            "a rocky islet with a pine on it",
            "a whale's tail",
        ),
        _ON_WATER,
    ),
    "outdoor": Kind(
        (
            "weathered",
            "freshly painted blue",
            "snow-covered",
            "rusty",
            "graffiti-covered",
            "moss-covered",
            "polished brass",
            "bright pink",
        ),
        ("wrapped in coloured yarn", "covered in stickers", "overgrown with ivy", "with peeling paint"),
        (
            "a wooden signpost",
            "a blue letterbox",
            "an old-fashioned street lamp",
            "a stone birdbath",
            "a small apple tree",
            "a large terracotta pot with flowers",
        ),
        _OUTDOOR,
    ),
    "accessory": Kind(
        ("bright yellow", "polka-dot", "striped", "tartan", "worn-out", "shiny silver", "dark green", "patched"),
        ("with a flower pattern", "with a leopard pattern", "with golden trim", "covered in sequins"),
        (
            "a wicker basket",
            "a bouquet of sunflowers",
            "a rolled-up map",
            "a brass lantern",
            "a folded woollen blanket",
        ),
        ("the background behind, empty and undisturbed",),
    ),
    "sports": Kind(
        ("neon green", "worn", "brand-new", "striped", "glossy black", "scuffed", "red and white", "golden"),
        ("with a lightning pattern", "covered in stickers", "with a flame pattern", "covered in mud"),
        ("a shiny golden trophy", "a red toolbox", "a folded towel", "a blue water flask", "a straw hat"),
        ("open, empty space", "the empty playing ground"),
    ),
    "food": Kind(
        ("half-eaten", "charred", "freshly cut", "giant", "purple", "mouldy old", "miniature", "glossy"),
        ("covered in chocolate sauce", "dusted with icing sugar", "topped with fresh herbs", "carved from wood"),
        (
            "a bowl of ripe strawberries",
            "a stack of pancakes with syrup",
            "a plate of sushi",
            "a slice of watermelon",
            "a steaming bowl of soup",
            "a croissant",
            "a bunch of green grapes",
        ),
        ("an empty plate", *_ON_A_TABLE),
    ),
    "kitchen": Kind(
        (
            "copper",
            "matte black",
            "hand-painted",
            "frosted blue",
            "antique silver",
            "gilded",
            "old and chipped",
            "tiny",
        ),
        ("with a flower pattern", "with a golden rim", "with a blue and white pattern", "engraved with leaves"),
        (
            "a small cactus in a pot",
            "a burning candle",
            "a jar of honey",
            "a wooden pepper mill",
            "a folded napkin",
        ),
        _ON_A_TABLE,
    ),
    "furniture": Kind(
        ("dark green", "antique", "pastel pink", "worn", "modern white", "rustic", "bright orange", "gilded"),
        ("with a flower pattern", "with a glossy black finish", "with peeling paint", "in a patchwork of colours"),
        (
            "a grand piano",
            "a large aquarium",
            "a stack of cardboard boxes",
            "a wooden rocking horse",
            "a tall bookshelf",
            "a grandfather clock",
        ),
        _INDOOR,
    ),
    "plant": Kind(
        ("withered", "lush", "flowering", "bushy", "autumn-coloured", "tiny", "overgrown"),
        ("full of red flowers", "decorated with fairy lights", "in a blue and white pot", "in a copper pot"),
        ("a tall floor lamp", "a white marble bust", "a brass birdcage", "a globe on a wooden stand"),
        _INDOOR,
    ),
    "electronic": Kind(
        ("retro beige", "sleek silver", "rose-gold", "cracked old", "transparent", "glossy white", "bright pink"),
        ("with glowing blue lights", "covered in stickers", "in a wooden case", "with a camouflage pattern"),
        (
            "a leather-bound notebook",
            "a small desk lamp",
            "a pile of letters",
            "a cup of pencils",
            "a glass paperweight",
        ),
        ("an empty desk surface", "a plain, bare wall", *_ON_A_TABLE),
    ),
    "appliance": Kind(
        (
            "stainless steel",
            "retro mint-green",
            "bright red",
            "rusty old",
            "glossy black",
            "copper",
            "pastel yellow",
        ),
        ("covered in magnets", "with wooden panels", "with brass fittings", "covered in stickers"),
        ("a wooden cupboard", "a shelf of spice jars", "a crate of oranges", "a brass samovar", "a bread bin"),
        ("an empty kitchen wall", "plain kitchen tiles", *_INDOOR),
    ),
    "indoor": Kind(
        ("antique", "bright red", "blue and white", "pastel pink", "golden", "worn-out", "glossy black", "tiny"),
        ("with a flower pattern", "with a marbled pattern", "decorated with ribbons", "covered in dust"),
        (
            "a burning candle",
            "a snow globe",
            "a small brass bell",
            "a music box",
            "a seashell",
            "a porcelain figurine",
        ),
        (*_ON_A_TABLE, "an empty shelf"),
    ),
    "other": Kind(
        ("bright red", "deep blue", "golden", "weathered", "brand-new", "antique", "striped", "snow-covered"),
        ("with a flower pattern", "covered in moss", "made of polished metal", "with peeling paint"),
        (
            "a wooden crate",
            "a large boulder",
            "a red umbrella",
            "a big potted fern",
            "a stone statue",
            "a wicker basket",
        ),
        (),
    ),
}
"""Kinds by COCO supercategory, and further kinds for supercategories that mix indoor and outdoor objects."""

KIND_OF_OBJECT: dict[str, str] = {
    "airplane": "airborne",
    "helicopter": "airborne",
    "rocket": "airborne",
    "kite": "airborne",
    "boat": "water",
    "ship": "water",
    "surfboard": "water",
    "potted plant": "plant",
}
"""Kinds of objects that do not have their supercategory's kind."""
