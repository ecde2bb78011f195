"""``python -m landau_vae`` and the console script ``landau-vae``."""

from __future__ import annotations

import sys

from ._layout import StrangePackageError, drop_working_directory, require_own_packages


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        require_own_packages()
        from .cli import run

        return run(argv)
    except StrangePackageError as error:
        print(f"landau-vae: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("landau-vae: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    drop_working_directory()
    sys.exit(main())
