"""Runs the benchmarks that are named, or all of them, and counts the goals that are missed.

    python -m performance [NAME ...]

Each is a process of its own. The machine should have nothing else to do.
"""

import subprocess
import sys

MODULES = (
    "plan.planning",
    "packing",
    "streaming",
    "editing.overhead",
    "benchmark.metrics",
    "vlm",
    "hub",
    "editing.scaling",
    "benchmark.evaluation",
    "benchmark.feeding",
)
NAMES = {module.rpartition(".")[2]: module for module in MODULES}


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    if unknown := set(chosen) - set(NAMES):
        sys.exit(f"{', '.join(sorted(unknown))}: no such benchmark; there are {', '.join(NAMES)}")
    failed = missed = 0
    for name in chosen:
        print(f"── {name}", flush=True)
        with subprocess.Popen(
            [sys.executable, "-m", f"performance.{NAMES[name]}"], stdout=subprocess.PIPE, text=True
        ) as ran:
            for line in ran.stdout or ():
                print(line, end="", flush=True)
                missed += line.startswith("MISS")
        failed += ran.returncode != 0
    print(f"{missed} goals missed" + (f", {failed} performance failed" if failed else ""))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
