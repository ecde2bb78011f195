"""Stacked multilayer perceptrons: forward and hand-written backpropagation for many models at once.

======  ============================================================  ==============
symbol  meaning                                                       shape
======  ============================================================  ==============
m, B    models, rows
A_l     input of layer l, its last row all ones                       (m, h_l + 1, B)
W_l     weights of layer l, the bias as last column                   (m, h_{l+1}, h_l + 1)
φ       activation of the hidden layers; the last layer is affine
δ_l     gradient with respect to the output of layer l                (m, h_{l+1}, B)
G_l     gradient with respect to W_l, summed over rows                (m, h_{l+1}, h_l + 1)
======  ============================================================  ==============

Features come before rows, so that a bias is one more column against a row of ones, the heads of an output are
contiguous slices, and every layer is one batched matrix product. The buffers are made once; nothing large is allocated
in between. Weights are not held here: the same buffers serve one group of models after the other, which keeps them in
cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import ACTIVATIONS
from .aligned import aligned

__all__ = ["Perceptron", "Scratch"]

Array = npt.NDArray[Any]


# A product with the second factor transposed takes twice as long as one without, so the narrower factor is copied into
# the other order of axes first; but not below 17, which OpenBLAS takes as they are, nor where the copy costs as much.
_COPIED = range(17, 49)


class Scratch:
    """Buffers that passes back need only while they run, so that several perceptrons can share them.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Layers of the perceptrons that will share it.
    models, rows : int
        Largest numbers of one pass.
    dtype : dtype
        float32 or float64.
    """

    __slots__ = ("deltas", "flipped", "transposed")

    def __init__(self, shapes: Sequence[tuple[int, ...]], models: int, rows: int, dtype: npt.DTypeLike) -> None:
        widest = max((h for layers in shapes for h in layers[1:-1]), default=0)
        # The deltas of two neighbouring layers are needed at a time.
        deep = min(max(len(layers) for layers in shapes) - 2, 2)
        self.deltas = [aligned(models * widest * rows, dtype) for _ in range(deep)]
        pairs = [(i + 1, o) for layers in shapes for i, o in pairwise(layers[1:]) if min(i + 1, o) in _COPIED]
        self.transposed = aligned(models * rows * max((min(pair) for pair in pairs), default=0), dtype)
        self.flipped = aligned(models * max((i * o for i, o in pairs if o < i), default=0), dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        return sum(array.nbytes for array in (*self.deltas, self.transposed, self.flipped))


class Perceptron:
    """Buffers and passes of perceptrons of one shape.

    Parameters
    ----------
    layers : tuple of int
        Units, inputs first; two entries are an affine map.
    activation : str
        A key of `verify.activations.ACTIVATIONS`.
    models, rows : int
        Largest numbers of models and of rows of one pass.
    dtype : dtype
        float32 or float64.
    scratch : Scratch or None
        Shared with others; one of its own if None.

    Examples
    --------
    >>> relu = Perceptron((1, 1, 1), "relu", models=1, rows=3)
    >>> weights = [np.array([[[1.0, 0.0]]]), np.array([[[2.0, 1.0]]])]       # 2·max(x, 0) + 1
    >>> x = np.array([[-1.0, 0.5, 2.0], [1.0, 1.0, 1.0]])
    >>> relu.forward(weights, x)
    array([[[1., 2., 5.]]])
    >>> gradients = [np.empty((1, 1, 2)), np.empty((1, 1, 2))]
    >>> relu.backward(weights, gradients, x, np.ones((1, 1, 3)))
    >>> gradients
    [array([[[5., 4.]]]), array([[[2.5, 3. ]]])]
    """

    def __init__(
        self,
        layers: tuple[int, ...],
        activation: str,
        models: int,
        rows: int,
        dtype: npt.DTypeLike = np.float64,
        scratch: Scratch | None = None,
    ) -> None:
        hidden, out = layers[1:-1], layers[-1]
        self._shared = Scratch([layers], models, rows, dtype) if scratch is None else scratch
        self._activation = ACTIVATIONS[activation]
        self._inputs = [aligned((models, h + 1, rows), dtype, 1) for h in hidden]
        self._kept = [aligned((models, h, rows), dtype) for h in hidden if self._activation.needs_scratch]
        self._output = aligned((models, out, rows), dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers, without those in the scratch."""
        return sum(array.nbytes for array in (*self._inputs, *self._kept, self._output))

    def forward(self, weights: Sequence[Array], x: Array) -> Array:
        """Return the outputs (m, out, B) for inputs (h_0 + 1, B), shared by the models, or (m, h_0 + 1, B).

        The last row of the inputs must be ones. The returned array is overwritten by the next pass.
        """
        m, rows, a = len(weights[0]), x.shape[-1], x
        for layer, w in enumerate(weights[:-1]):
            following = self._inputs[layer][:m, :, :rows]
            value = following[:, :-1]
            np.matmul(w, a, out=value)
            self._activation.apply(value, self._kept_of(layer, m, rows))
            a = following
        return np.matmul(weights[-1], a, out=self._output[:m, :, :rows])

    def backward(
        self,
        weights: Sequence[Array],
        gradients: Sequence[Array],
        x: Array,
        delta: Array,
        into: Array | None = None,
        x_transposed: Array | None = None,
    ) -> None:
        """Write G_l to ``gradients`` for the δ of the outputs, after a :meth:`forward` with the same x.

        Parameters
        ----------
        weights, gradients : sequence of ndarray (m, h_{l+1}, h_l + 1)
            W_l, and where G_l goes.
        x : ndarray (h_0 + 1, B) or (m, h_0 + 1, B)
            The inputs of the forward pass.
        delta : ndarray (m, out, B)
            May be the array that :meth:`forward` returned.
        into : ndarray (m, h_0, B) or None
            Where the gradient with respect to the inputs goes, if that is wanted.
        x_transposed : ndarray (B, h_0 + 1) or None
            Shared inputs in the other order of axes, if at hand: spares a transposed product.
        """
        m, rows = len(delta), delta.shape[-1]
        for layer in range(len(weights) - 1, 0, -1):
            w, a = weights[layer], self._inputs[layer - 1][:m, :, :rows]
            self._weight_gradient(delta, a, gradients[layer])
            value = a[:, :-1]
            pulled = self._shared.deltas[layer % len(self._shared.deltas)][: value.size].reshape(value.shape)
            np.matmul(w[:, :, :-1].swapaxes(1, 2), delta, out=pulled)
            self._activation.pull_back(value, self._kept_of(layer - 1, m, rows), pulled)
            delta = pulled
        np.matmul(delta, x.swapaxes(-1, -2) if x_transposed is None else x_transposed, out=gradients[0])
        if into is not None:
            np.matmul(weights[0][:, :, :-1].swapaxes(1, 2), delta, out=into)

    def _kept_of(self, layer: int, m: int, rows: int) -> Array:
        """What an activation keeps for its derivative; one that keeps nothing gets any buffer and leaves it alone."""
        return self._kept[layer][:m, :, :rows] if self._kept else self._output

    def _weight_gradient(self, delta: Array, a: Array, gradient: Array) -> None:
        """``G = δ Aᵀ``."""
        m, out, rows = delta.shape
        inputs = a.shape[1]
        width = min(inputs, out)
        if width not in _COPIED:
            np.matmul(delta, a.swapaxes(1, 2), out=gradient)
            return
        narrow = self._shared.transposed[: m * rows * width].reshape(m, rows, width)
        if inputs <= out:
            np.copyto(narrow, a.swapaxes(1, 2))
            np.matmul(delta, narrow, out=gradient)
        else:
            np.copyto(narrow, delta.swapaxes(1, 2))
            flipped = self._shared.flipped[: m * inputs * out].reshape(m, inputs, out)
            np.matmul(a, narrow, out=flipped)
            np.copyto(gradient, flipped.swapaxes(1, 2))
