"""Imports go one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"diffseg30k", "builder", "generation", "cards", "benchmark", "cli"}
ALLOWED = {
    "diffseg30k": set(),
    "builder": {"diffseg30k", "builder"},
    "generation": {"diffseg30k", "generation", "builder.run", "builder.encoding", "builder.dataset.splits"},
    "cards": {"diffseg30k", "builder", "cards", "generation.generators.registry"},
    "benchmark": {"diffseg30k", "benchmark", "builder.encoding"},
}


def modules(package: str) -> list[Path]:
    single = ROOT / f"{package}.py"
    return [single] if single.exists() else sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The dotted names of what a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in OURS}


def is_allowed(name: str, allowed: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in allowed)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported(path)
        if not is_allowed(name, ALLOWED[package])
    ]
    assert wrong == []


def test_every_package_has_rules():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests",)}
    assert packages - {"performance"} <= set(ALLOWED)
