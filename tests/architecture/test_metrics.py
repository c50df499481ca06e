"""The reference of metrics says what the processes tell."""

from pathlib import Path

from tests.architecture.metrics import Metric, metrics_in, page

ROOT = Path(__file__).parents[2]


def test_the_reference_of_metrics_is_up_to_date() -> None:
    assert page() == (ROOT / "docs/reference/metrics.md").read_text()


def test_declarations_are_read_with_their_labels(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        'a = Counter("a", "A.", ["x", "y"])\n'
        'names = ["p"]\n'
        'b = HistogramMetricFamily("b", "B.", labels=[*names, "q"])\n'
        'c = GaugeMetricFamily("c", "C.", 7)\n'
        'd = Counter("d_total", "D.")\n'
    )
    assert list(metrics_in(tmp_path)) == [
        Metric("a_total", "counter", ("x", "y"), "A."),
        Metric("b", "histogram", ("p", "q"), "B."),
        Metric("c", "gauge", (), "C."),
        Metric("d_total", "counter", (), "D."),
    ]
