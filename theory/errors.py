"""The errors that are the user's to mend; everything else that is raised is a bug and shows as one.

SymPy-free: every layer raises these, and the command line turns exactly these into exit status 2.
"""

from __future__ import annotations

__all__ = ["InputError", "MissingExtraError"]


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
