"""`python -m tests.architecture.metrics > docs/reference/metrics.md`: every metric of every process, read from the sources."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "edge-proxy": ("services/edge-proxy/src",),
    "admin-api": ("services/admin-api/src",),
    "Every process": ("libs/common/src/common",),
}
_KINDS: Final = {
    kind.title() + suffix: kind for kind in ("counter", "gauge", "histogram") for suffix in ("", "MetricFamily")
}
_HEAD: Final = """\
# Metrics

What `/metrics` of each process tells Prometheus. Labels are bounded: no label holds a tenant, a key or anything a client sends.
Made from the sources (`python -m tests.architecture.metrics`); a test compares.
"""


class Metric(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def page() -> str:
    """The document."""
    parts = [_HEAD]
    for process, folders in _SOURCES.items():
        rows = sorted({metric for folder in folders for metric in metrics_in(_ROOT / folder)})
        parts.append(f"\n## {process}\n\n| metric | kind | labels | |\n|---|---|---|---|\n")
        parts += [
            f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |\n"
            for each in rows
        ]
    return "".join(parts)


def metrics_in(folder: Path) -> Iterator[Metric]:
    """Those that modules below a folder declare, with literal names. Raises `ValueError` for one that cannot be read."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            # `collections` has a Counter, too.
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS and node.args:
                yield _read(node, _KINDS[node.func.id], tree)


def _read(call: ast.Call, kind: str, module: ast.Module) -> Metric:
    name, help_ = (_text(argument) for argument in call.args[:2])
    if kind == "counter":
        name = name.removesuffix("_total") + "_total"
    given = [each.value for each in call.keywords if each.arg in {"labels", "labelnames"}]
    labels = _names(given[0] if given else call.args[2], module) if given or len(call.args) > 2 else ()
    return Metric(name, kind, labels, help_)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError(f"not a literal text: {ast.unparse(node)}")


def _names(node: ast.expr, module: ast.Module) -> tuple[str, ...]:
    """A list of literals; names in it stand for lists that the module assigns. What is no list is a metric's value."""
    if isinstance(node, ast.Name):
        values = [
            each.value
            for each in ast.walk(module)
            if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [node.id]
        ]
        return _names(values[0], module)
    if not isinstance(node, ast.List):
        return ()
    return tuple(
        name
        for each in node.elts
        for name in (_names(each.value, module) if isinstance(each, ast.Starred) else (_text(each),))
    )


if __name__ == "__main__":
    print(page(), end="")
