"""Matrices from a user's numbers, exactly: floats are the decimals that they print.

Symbol table
------------
rows   nested sequence of numbers
name   the argument, for the error message
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from .errors import InputError
from .normal_form import exact

__all__ = ["exact_matrix", "exact_symmetric"]

_ROUNDING = sp.Rational(1, 10**12)


def exact_matrix(name: str, rows: Sequence[Sequence[Any]]) -> sp.Matrix:
    """Return a matrix of exact numbers.

    Raises
    ------
    InputError
        If the rows are empty or of different lengths, or an entry is not a finite real number.

    Examples
    --------
    >>> exact_matrix("cross", [[0.5, 1]])
    Matrix([[1/2, 1]])
    """
    if not len(rows) or any(len(row) != len(rows[0]) or not len(row) for row in rows):
        raise InputError(f"{name} must be a matrix with rows of one length, got {len(rows)} rows; give equal rows")
    return sp.Matrix([[exact(f"{name}[{i}][{j}]", value) for j, value in enumerate(row)] for i, row in enumerate(rows)])


def exact_symmetric(name: str, rows: Sequence[Sequence[Any]]) -> sp.Matrix:
    """Return a symmetric matrix of exact numbers; asymmetry by rounding, 1e-12 of the largest entry, is averaged out.

    Raises
    ------
    InputError
        As `exact_matrix`, or if the matrix is not square and symmetric.

    Examples
    --------
    >>> exact_symmetric("covariance", [[1, 2], [3, 4]])
    Traceback (most recent call last):
        ...
    theory.errors.InputError: covariance must be symmetric, got entries 2 and 3 across the diagonal; pass (C + C.T)/2
    """
    matrix = exact_matrix(name, rows)
    if matrix.rows != matrix.cols:
        raise InputError(f"{name} must be square, got shape {matrix.shape}; pass a covariance")
    slack = _ROUNDING * max(abs(entry) for entry in matrix)
    for i in range(matrix.rows):
        for j in range(i):
            if abs(matrix[i, j] - matrix[j, i]) > slack:
                raise InputError(
                    f"{name} must be symmetric, got entries {matrix[j, i]} and {matrix[i, j]} across the diagonal; "
                    "pass (C + C.T)/2"
                )
    return (matrix + matrix.T) / 2
