"""The command line: verbs, their options, and how errors become exit statuses.

Exit status 0: done, all checks hold; 1: a check failed; 2: the input cannot be used (the last line of stderr says
what, and the remedy); 3: a computation did not converge (the last line of stderr says which, how far it came, and what
to try); 130: interrupted. Only :class:`theory.errors.InputError` becomes 2 and only
:class:`theory.errors.NonConvergenceError` 3: a bug shows as a bug.
"""

from __future__ import annotations

import os
import sys

from theory.errors import InputError, NonConvergenceError

from .options import build_parser
from .output import prepare_streams

__all__ = ["run"]


def run(argv: list[str] | None = None) -> int:
    """Parse ``argv`` (``sys.argv[1:]`` by default), run the verb and return the exit status."""
    prepare_streams()
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
        parser = args.parser
        args.command_line = list(sys.argv[1:] if argv is None else argv)
        if getattr(args, "seed", 0) < 0:
            raise InputError(f"--seed must not be negative, got {args.seed}; 0 is the default")
        status: int = args.run(args)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: --help and --version give 0, a wrong option 2
        return int(stop.code or 0)
    except InputError as error:
        print(f"landau-vae: error: {parser.in_own_words(str(error))}", file=sys.stderr)
        return 2
    except NonConvergenceError as error:
        print(f"landau-vae: not converged: {parser.in_own_words(str(error))}", file=sys.stderr)
        return 3
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status
