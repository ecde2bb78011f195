"""Options of ``landau-vae diagnose``."""

from __future__ import annotations

from .common import output_options
from .parser import Parser


def add(parser: Parser) -> None:
    """Add the options."""
    parser.library_names |= {"loss and beta": "--loss and --beta"}
    parser.add_argument(
        "posterior",
        nargs="+",
        metavar="POSTERIOR",
        help="an .npz with mu (N, K), logvar or sigma (N, K), optionally x, recon (N, D), weights, columns, and "
        "loss, beta, decoder_variance, batch_size; or two tables: the means, then the widths",
    )
    parser.add_argument(
        "--widths",
        choices=("logvar", "sigma"),
        help="what the second table holds, ln σ² or σ (default: as its name says)",
    )
    parser.add_argument("--x", metavar="FILE", help="table of the rows that were encoded, as the VAE saw them")
    parser.add_argument("--recon", metavar="FILE", help="table of their reconstructions")
    parser.add_argument("--no-header", action="store_true", help="the first line of a table holds data, not names")
    parser.add_argument(
        "--drop-columns", nargs="+", default=[], metavar="NAME", help="leave these columns (an index) out of the tables"
    )
    g = parser.add_argument_group("the loss it was trained with", "by default the one that the .npz names, if it does")
    g.add_argument(
        "--loss",
        metavar="LOSS",
        help="elbo, half-sse, sse, mse, mse-mean-kl, mse-sum-kl, bce or poisson; with --beta it gives the temperature",
    )
    g.add_argument("--beta", type=float, metavar="β", help="weight of the divergence, as the code writes it")
    g.add_argument(
        "--decoder-variance", type=float, metavar="η²", help="of elbo (default: 1; the trained value if it was learned)"
    )
    g.add_argument("--batch-size", type=int, metavar="B", help="rows in a batch, for mse-sum-kl")
    g = parser.add_argument_group("thresholds of the verdicts")
    g.add_argument(
        "--active-above", type=float, default=0.1, metavar="M²", help="a latent is active above this (default: 0.1)"
    )
    g.add_argument(
        "--rate-above", type=float, default=0.01, metavar="NAT", help="divergence that counts (default: 0.01)"
    )
    output_options(parser, seed=False)
