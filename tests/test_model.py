"""A model class is data, and data that make no sense are refused."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import pytest

from theory.errors import InputError
from theory.model import MODEL_CLASSES, ModelClass, model_class


def test_the_four_classes_are_nested() -> None:
    assert list(MODEL_CLASSES) == ["linear", "nonlinear-decoder", "nonlinear-mean", "flexible"]

    def rank(degree: int | None) -> float:
        return float("inf") if degree is None else degree

    classes = list(MODEL_CLASSES.values())
    for narrow, wide in itertools.pairwise(classes):
        pairs = [
            (narrow.decoder_degree, wide.decoder_degree),
            (narrow.mean_degree, wide.mean_degree),
            (narrow.width_degree, wide.width_degree),
        ]
        assert all(rank(a) <= rank(b) for a, b in pairs)
        assert any(rank(a) < rank(b) for a, b in pairs)


def test_unknown_class_names_the_known_and_the_closest() -> None:
    with pytest.raises(InputError, match="did you mean 'nonlinear-mean'.*choose one of linear, "):
        model_class("nonlinear_mean")
    with pytest.raises(InputError, match="choose one of linear, "):
        model_class("xyz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder": "hermite:0"}, "decoder must be 'linear', 'hermite:N'"),
        ({"decoder": "polynomial:3"}, "decoder must be"),
        ({"mean": "constant"}, "mean must be 'linear', 'polynomial:N'"),
        ({"width": "linear"}, "width must be 'constant'"),
        ({"width": "polynomial:x"}, "width must be"),
        ({"likelihood": "cauchy"}, "likelihood must be one of gaussian, "),
        ({"latents": 0}, "latents must be an integer of at least 1, got 0"),
        ({"dimensions": True}, "dimensions must be an integer"),
        ({"visible": ()}, "visible must be 'all'"),
        ({"visible": (0, 2), "dimensions": 2}, "below dimensions = 2"),
        ({"visible": (1, 0), "dimensions": 2}, "ascending"),
        ({"visible": [0]}, "visible must be"),
    ],
)
def test_refuses(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(MODEL_CLASSES["flexible"], **change)


def test_visible_coordinates() -> None:
    base = dataclasses.replace(MODEL_CLASSES["linear"], dimensions=3)
    assert base.seen == (0, 1, 2)
    assert dataclasses.replace(base, visible=(0, 2)).seen == (0, 2)
    assert ModelClass("q", "hermite:3", "polynomial:2", "polynomial:1").width_degree == 1


def test_is_sympy_free() -> None:
    code = "import sys, theory.model, theory.distributions; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
