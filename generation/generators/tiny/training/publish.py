"""`python -m generation.generators.tiny.training.publish --state DIR`: trained tensors into the package.

Whatever is trained so far is taken, finished or not: the moving averages of the weights, in half precision.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch

from generation.generators.tiny.assembly import DIGESTS, PARTS, TRAINED, read_digests
from generation.generators.tiny.training.loop import averages

LARGEST_GENERATOR, LARGEST_TOTAL = 4 * 2**20, 20 * 2**20
"""Bytes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="where training is kept")
    parser.add_argument("--out", type=Path, default=TRAINED, help="where the tensors go; the package if left out")
    arguments = parser.parse_args()
    sizes = publish(arguments.state, arguments.out)
    for generator, parts in PARTS.items():
        size = sum(sizes.get(name, 0) for name in parts)
        missing = [name for name in parts if name not in sizes]
        print(f"{generator:14} {size / 1e6:5.2f} MB  {'random: ' + ', '.join(missing) if missing else ''}")
    print(f"{'all':14} {sum(sizes.values()) / 1e6:5.2f} MB")
    largest = max(sum(sizes.get(name, 0) for name in parts) for parts in PARTS.values())
    if sum(sizes.values()) > LARGEST_TOTAL or largest > LARGEST_GENERATOR:
        raise SystemExit(f"more than {LARGEST_GENERATOR:,} bytes a generator, or {LARGEST_TOTAL:,} in all")


def publish(state: Path, out: Path) -> dict[str, int]:
    """Writes every network that has a state, and the digests of all; one without keeps what was published.

    Returns:
        The size of each network's file, in bytes.
    """
    from safetensors.torch import save

    out.mkdir(parents=True, exist_ok=True)
    digests = read_digests(out)
    sizes = {name: (out / f"{name}.safetensors").stat().st_size for name in digests}
    for name in sorted({name for parts in PARTS.values() for name in parts}):
        if not (state / f"{name}.pt").is_file():
            continue
        tensors = averages(state / f"{name}.pt")
        content = save({key: value.to(torch.float16).contiguous() for key, value in tensors.items()})
        (out / f"{name}.safetensors").write_bytes(content)
        sizes[name], digests[name] = len(content), hashlib.sha256(content).hexdigest()
    (out / DIGESTS).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
    return sizes


if __name__ == "__main__":
    main()
