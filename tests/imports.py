"""What the package's Python modules import, wherever the statement stands, and circles among them."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "hotloop"
NATIVE = ("hotloop._native", "hotloop._cuda")
Edges = dict[str, set[str]]


def module_name(path: Path) -> str:
    """``hotloop.core.files`` for core/files.py, ``hotloop.core`` for core/__init__.py."""
    parts = ("hotloop", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The folder or module under python/hotloop; the package itself is "hotloop".

    >>> room("hotloop.core.files"), room("hotloop.regularizers"), room("hotloop")
    ('core', 'regularizers', 'hotloop')
    """
    return [*module.split("."), "hotloop"][1] if module != "hotloop" else module


def named_modules(node: ast.AST, name: str, is_package: bool) -> list[tuple[str, str]]:
    """The (module, name in it) pairs that an import statement of a module names; "" for a whole module."""
    if isinstance(node, ast.Import):
        return [(alias.name, "") for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = name.split(".") if is_package else name.split(".")[:-1]
        base = ".".join([*package[: len(package) + 1 - node.level], *([base] if base else [])])
    return [(base, alias.name) for alias in node.names]


def imported(path: Path, known: Iterable[str]) -> set[str]:
    """The package's modules that one of them imports: at the top, in functions, and for types alone.

    Importing a module runs the faces of the folders it lies in too, so those count, the importer's own apart.
    """
    name = module_name(path)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        for base, inner in named_modules(node, name, path.name == "__init__.py"):
            target = f"{base}.{inner}" if f"{base}.{inner}" in known else base
            if target in known:
                found.add(target)
                found |= set(folders(target)) - set(folders(name))
    return found - {name}


def folders(module: str) -> list[str]:
    """The folders that a module lies in, the package itself apart.

    >>> folders("hotloop.benchmark.groups.widths")
    ['hotloop.benchmark', 'hotloop.benchmark.groups']
    """
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(2, len(parts))]


def import_graph(paths: Iterable[Path]) -> Edges:
    """By module, which modules it imports."""
    paths = list(paths)
    known = {*map(module_name, paths), *NATIVE}
    return {module_name(path): imported(path, known) for path in paths}


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The sets of modules that reach each other, of more than one module (Tarjan 1972).

    >>> circles({"a": ["b"], "b": ["c"], "c": ["b"]})
    [['b', 'c']]
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        path.append(name)
        for other in graph.get(name, ()):
            if other not in number:
                visit(other)
            if other in path:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == number[name]:
            members = path[path.index(name) :]
            del path[path.index(name) :]
            if len(members) > 1:
                found.append(sorted(members))

    for name in graph:
        if name not in number:
            visit(name)
    return sorted(found)
