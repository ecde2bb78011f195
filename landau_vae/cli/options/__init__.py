"""The parser of the command line. A verb is a file here for its options and a sibling module of the same name with
``run``, imported only when the verb is called: ``--help`` must be instant.
"""

from __future__ import annotations

import argparse
import importlib

from ... import __version__
from . import cascade, cite, claims, derive, diagnose, experiment, explore, phase, phase_diagram, report, verify
from .common import load_data, refuse_unused_sizes, source_options
from .parser import Parser

__all__ = ["build_parser", "load_data", "refuse_unused_sizes", "source_options"]

# Module of the options, summary, what else the verb's own help says.
_VERBS = (
    (
        verify,
        "train VAEs over a range of temperatures and compare them with the exact theory",
        "Derivation, exact equilibrium and training are set side by side, claim by claim.",
    ),
    (cascade, "the exact collapse cascade of a data set, without training", ""),
    (
        diagnose,
        "which latents of your trained VAE are dead, why, and which would die next",
        "It reads what the encoder says of some rows: means and log-variances, exported from any framework.",
    ),
    (
        derive,
        "derive the theory step by step, every step checked",
        "With cumulants or data the verdict on the transition becomes a numeric one.",
    ),
    (
        phase,
        "continuous or a jump? exact equilibria of free encoders and decoders, up and down in temperature",
        "In units of the mode's variance, T runs from 0.5 to the upper bound of any collapse temperature, in steps of "
        "at most 0.01 up to T = 4 and T/400 above; transitions and spinodals are refined between them.",
    ),
    (
        phase_diagram,
        "where the collapse is continuous and where it jumps: (curvature, T) or (κ3, κ4), every point solved",
        "",
    ),
    (
        experiment,
        "confront theory and exact equilibria with VAEs as people build them: nonlinear, sampled, trained by gradients",
        "",
    ),
    (
        claims,
        "the ledger: every claim of the field beside its evidence, with the verdict that follows",
        "",
    ),
    (explore, "write one HTML file in which the data go through their cascade under a slider; it works offline", ""),
    (report, "show a saved verification again, without training", ""),
    (cite, "print BibTeX for landau-vae, or for the sources of a claim", ""),
)


def build_parser() -> Parser:
    """The parser of ``landau-vae``; each verb sets ``run``, a function of the parsed arguments, and its ``parser``."""
    parser = Parser(
        prog="landau-vae",
        description="Posterior collapse in β-VAEs: derive the theory, solve it exactly, verify it by training.",
        epilog="Exit status: 0 all checks hold, 1 a check failed, 2 bad input, 3 not converged, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"landau-vae {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for options, summary, more in _VERBS:
        module = options.__name__.rpartition(".")[2]
        name = module.replace("_", "-")
        verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}")
        options.add(verb)
        verb.set_defaults(run=_Handler(module), verb=name, parser=verb)
    return parser


class _Handler:
    """``run`` of a verb's module, imported when the verb is called."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __call__(self, args: argparse.Namespace) -> int:
        status: int = importlib.import_module(f"..{self._module}", __package__).run(args)
        return status
