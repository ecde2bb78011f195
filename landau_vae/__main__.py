"""``python -m landau_vae`` and the console script ``landau-vae``."""

from __future__ import annotations

import sys

from ._layout import drop_working_directory, require_own_packages


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        require_own_packages()
    except ImportError as error:
        print(f"landau-vae: error: {error}", file=sys.stderr)
        return 2
    from .cli import run

    return run(argv)


if __name__ == "__main__":
    drop_working_directory()
    sys.exit(main())
