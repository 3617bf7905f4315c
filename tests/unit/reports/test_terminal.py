import pytest

from reports.terminal import Terminal
from tests.comparisons import comparison


@pytest.mark.parametrize("width", [100, 120, 140])
def test_lines_fit_the_width(width: int) -> None:
    text = Terminal(width).render(comparison())
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [100, 120, 140])
def test_figures_are_never_cut(width: int) -> None:
    text = Terminal(width).render(comparison())
    assert "…" not in text
    for word in ("(0.0182-0.0728)", "91.8 ◆", "dense_fallback", "1.49"):
        assert word in text
