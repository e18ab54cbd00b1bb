"""Imports between folders follow the order in CONTRIBUTING, without circles."""

import ast
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"diffseg30k", "builder", "generation", "cards", "benchmark", "diffseg30k_cli"}
ALLOWED = {
    "diffseg30k": set(),
    "builder": {"diffseg30k", "builder"},
    "generation": {"diffseg30k", "generation", "builder.run", "builder.encoding"},
    "cards": {"diffseg30k", "builder", "cards", "generation.checkpoints"},
    "benchmark": {"diffseg30k", "benchmark", "builder.encoding"},
    "diffseg30k_cli": {"diffseg30k", "builder", "generation", "cards", "benchmark", "diffseg30k_cli"},
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


def graph_of_modules() -> dict[str, set[str]]:
    """Each of our modules to those that it imports, inside functions too."""
    paths = {dotted(path): path for package in ALLOWED for path in modules(package)}
    graph = {}
    for name, path in paths.items():
        found = {each if each in paths else each.rpartition(".")[0] for each in imported(path)}
        graph[name] = {each for each in found if each in paths and paths[each].name != "__init__.py"} - {name}
    return graph


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def assert_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_two_modules_import_each_other():
    assert_no_circle(graph_of_modules())


def test_no_two_folders_import_from_each_other():
    folders: dict[str, set[str]] = defaultdict(set)
    for name, found in graph_of_modules().items():
        folders[name.rpartition(".")[0]] |= {each.rpartition(".")[0] for each in found}
    assert_no_circle({name: found - {name, ""} for name, found in folders.items() if name})


def test_no_folder_holds_more_than_a_dozen_modules():
    counts = Counter(path.parent for package in ALLOWED for path in modules(package) if path.stem[:2] != "__")
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > 12} == {}


def test_no_module_but_the_schema_is_longer_than_350_lines():
    lengths = {path: len(path.read_text().splitlines()) for package in ALLOWED for path in modules(package)}
    assert [str(path) for path, length in lengths.items() if length > 350 and path.name != "diffseg30k.py"] == []
