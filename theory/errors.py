"""The errors that are the user's to mend, and that of a search that found nothing; the rest are bugs and show as such.

SymPy-free: every layer raises these. The command line turns the former into exit status 2, the latter into 3.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["InputError", "MissingExtraError", "NonConvergenceError", "did_you_mean"]


class InputError(ValueError):
    """What was given cannot be used.

    The message is one line that names the argument, column or file, says what it must be and what came, and
    ends with the remedy.
    """


class MissingExtraError(InputError, ImportError):
    """An optional dependency is needed and not installed.

    Parameters
    ----------
    what : str
        What the user asked for, e.g. ``"reading Parquet files"``.
    package : str
        The distribution that is missing, e.g. ``"pyarrow"``.
    extra : str
        The extra of landau-vae that brings it, e.g. ``"parquet"``.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}, which is not installed; run: pip install 'landau-vae[{extra}]'")
        self._arguments = (what, package, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        # An error that happens on a worker is pickled home; by default it would be rebuilt from its message alone.
        return type(self), self._arguments


class NonConvergenceError(ArithmeticError):
    """An iteration ended short of the accuracy asked for; what it reached is not lost.

    Parameters
    ----------
    message : str
        One line: what did not converge, how far it came, and the remedy.
    state : object
        The last good state: of the type that the function returns, or that it iterates on.
    residual : float
        How far that state is from a solution, in the unit of the function's own residual.

    Examples
    --------
    >>> try:
    ...     raise NonConvergenceError("no root after 3 steps; start closer", state=1.5, residual=0.25)
    ... except ArithmeticError as error:
    ...     error.state, error.residual
    (1.5, 0.25)
    """

    def __init__(self, message: str, state: Any, residual: float) -> None:
        super().__init__(message)
        self.state = state
        self.residual = float(residual)

    def __reduce__(self) -> tuple[type[NonConvergenceError], tuple[str, Any, float]]:
        # Exceptions are rebuilt from their message alone otherwise, which loses the rest between processes.
        return type(self), (str(self), self.state, self.residual)


def did_you_mean(given: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """What a message adds where a name is unknown: the closest one that is known, or nothing if none is close.

    Parameters
    ----------
    given : object
        What came.
    known : iterable of str
        Names in lower case, joined by hyphens.
    cutoff : float
        Ratio of ``difflib.SequenceMatcher`` from which a name is close.

    Examples
    --------
    >>> did_you_mean("Flexibel", ["linear", "flexible"])
    " (did you mean 'flexible'?)"
    >>> did_you_mean("parabola", ["linear", "flexible"])
    ''
    """
    close = difflib.get_close_matches(str(given).lower().replace("_", "-"), list(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""
