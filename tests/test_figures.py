"""Figures show the numbers they claim to show, whatever the report."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread

from theory.errors import InputError
from verify import figures
from verify.compare import verify_cascade
from verify.figures import (
    plot_distortion,
    plot_identity,
    plot_order_parameters,
    plot_stationarity,
    save_figures,
)
from verify.report import Report
from verify.style import REFERENCE


@pytest.fixture(scope="module")
def report() -> Report:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 4)) * [3.0, 2.0, 1.0, 0.01]
    return verify_cascade(x, latents=5, temperatures=24, seeds=2, steps=3000, standardize=False)


def points(ax: Axes) -> list[np.ndarray]:
    """(x, y) of every set of trained points."""
    found = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) > 1]  # type: ignore[arg-type]
    return [np.array(line.get_xydata()) for line in found]


def curves(ax: Axes) -> list[np.ndarray]:
    """(x, y) of every line without markers."""
    found = [line for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) > 1]  # type: ignore[arg-type]
    return [np.array(line.get_xydata()) for line in found]


def test_order_parameters_show_measurement_and_theory(report: Report) -> None:
    figure = plot_order_parameters(report)
    middle = figure.axes[1]
    t = report.sweep.temperatures / report.cascade.total_variance
    signal = report.trained.signal_fraction
    shown = {tuple(p[:, 1]) for p in points(middle)}
    assert shown == {tuple(signal[:, s, k]) for s in range(2) for k in range(4)}
    assert all(np.array_equal(p[:, 0], t) for p in points(middle))
    for k, line in enumerate(curves(middle)):
        exact = report.cascade.signal_fraction(line[:, 0] * report.cascade.total_variance)[:, k]
        np.testing.assert_array_equal(line[:, 1], exact)
    assert len(curves(middle)) == 4
    assert [ax.get_xscale() for ax in figure.axes] == ["log"] * 3


def test_distortion_shows_the_pca_reference(report: Report) -> None:
    left, right = plot_distortion(report).axes
    # Ranks 0 … 4 of two seeds: superfluous latents are not a rank.
    assert len(points(left)) == 2 * 5
    pca = next(line for line in right.lines if to_hex(line.get_color()) == REFERENCE)
    lam = report.cascade.eigenvalues
    tail = [lam[r:].sum() / lam.sum() for r in range(4)]
    np.testing.assert_allclose(np.asarray(pca.get_ydata()), tail, rtol=1e-9)


def test_identity_marks_judged_and_unjudged_modes(report: Report) -> None:
    ax = plot_identity(report)
    drawn = {container[0].get_xydata()[0].tobytes() for container in ax.containers}  # type: ignore[union-attr]
    v = report.cascade.total_variance
    pairs = np.stack([report.trained.column("threshold")[:4], report.trained.utility[:4]], axis=1) / v
    assert drawn == {row.tobytes() for row in pairs if np.isfinite(row).all()}
    assert "not judged" in " ".join(text.get_text() for text in ax.get_legend().get_texts())  # type: ignore[union-attr]


def test_stationarity_shows_active_latents_within_the_tolerance(report: Report) -> None:
    scale, gap = plot_stationarity(report).axes
    active = report.trained.signal_fraction[..., :4] > 0.1
    assert sum(np.isfinite(p[:, 1]).sum() for p in points(scale)) == active.sum()
    low, high = scale.get_ylim()
    assert low < 0.99 and high > 1.01
    assert gap.get_ylim()[0] < 0 < 1e-3 < gap.get_ylim()[1]


def test_given_axes_are_used(report: Report) -> None:
    figure = Figure()
    axes = figure.subplots(2, 3).ravel()
    assert plot_order_parameters(report, axes[:3]) is figure
    assert plot_stationarity(report, axes[3:5]) is figure
    assert plot_identity(report, axes[5]) is axes[5]
    assert plot_distortion(report, axes[:2]) is figure
    with pytest.raises(ValueError, match="2 axes"):
        plot_distortion(report, axes[:3])


def test_files_are_readable(report: Report, tmp_path: Path) -> None:
    written = save_figures(report, tmp_path / "new")
    assert sorted(p.name for p in written) == sorted(p.name for p in (tmp_path / "new").iterdir())
    assert len(written) == 8
    for path in written:
        if path.suffix == ".png":
            height, width = imread(path).shape[:2]
            assert width == 800 and 350 <= height <= 800
        else:
            assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_equal_reports_make_equal_files(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_FIGURES", {"identity": plot_identity})
    one, two = (save_figures(report, tmp_path / name) for name in "ab")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_unwritable_directory(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        save_figures(report, tmp_path / "file")


def test_pyplot_is_not_touched(report: Report) -> None:
    plot_identity(report)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize(("latents", "dim", "steps"), [(1, 3, 5), (20, 20, 5), (2, 1, 500)])
def test_any_report_can_be_drawn(latents: int, dim: int, steps: int) -> None:
    # One mode; more modes than lines, untrained; one feature. Warnings (an axis without extent, …) are errors.
    x = np.random.default_rng(0).normal(size=(40, dim)) * np.geomspace(1, 1e-4, dim)
    report = verify_cascade(x, latents=latents, temperatures=5, seeds=1, steps=steps, standardize=False)
    for figure in (plot_order_parameters(report), plot_distortion(report), plot_stationarity(report)):
        figure.draw_without_rendering()
    plot_identity(report).get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
