"""Options of ``landau-vae cascade``."""

from __future__ import annotations

from .common import data_options, output_options
from .parser import Parser
from .streaming import streaming_options


def add(parser: Parser) -> None:
    """Add the options."""
    parser.library_names |= {"k": "--keep", "noise_variance": "--noise-floor", "resamples": "--bootstrap"}
    data_options(parser)
    parser.add_argument("--latents", type=int, metavar="K", help="latents of the VAE (default: as many as columns)")
    parser.add_argument(
        "--at",
        nargs="+",
        default=[],
        metavar="T=…|t=…|beta=…",
        help="temperatures (T = βη² in units of variance, t = T/V, or your β) at which to report the equilibrium",
    )
    parser.add_argument("--loadings", action="store_true", help="name the columns that weigh most in each mode")
    loss = parser.add_argument_group("loss", "what your code minimises, so that thresholds are printed as your β")
    loss.add_argument(
        "--loss",
        metavar="LOSS",
        help="elbo: -log N(x; f, η²) + β KL (default); half-sse: ½‖x-f‖² + β KL; sse: ‖x-f‖² + β KL; mse: mean over "
        "features + β KL; mse-mean-kl: KL averaged over latents too; mse-sum-kl: KL summed over the batch; bce, "
        "poisson: summed over features + β KL, on raw values in [0, 1] and on counts",
    )
    loss.add_argument("--decoder-variance", type=float, metavar="η²", help="decoder variance of elbo (default: 1)")
    loss.add_argument("--learned-variance", action="store_true", help="η² of elbo is trained too")
    loss.add_argument("--batch-size", type=int, metavar="B", help="rows in a batch, for mse-sum-kl")
    ask = parser.add_argument_group("which β?", "each answer is an interval of β, one to take, and what it costs")
    ask.add_argument("--keep", type=int, metavar="k", help="which temperatures and β keep exactly k modes?")
    ask.add_argument("--tolerance", type=float, metavar="ε", help="which reach the relative distortion ε?")
    ask.add_argument(
        "--noise-floor",
        type=float,
        nargs="?",
        const=float("nan"),
        metavar="S2",
        help="which keep what stands above noise of variance S2 (Marchenko-Pastur edge; estimated without S2)?",
    )
    ask.add_argument(
        "--bootstrap", type=int, metavar="B", help="standard errors and 95 %% intervals of thresholds from B resamples"
    )
    ask.add_argument(
        "--any-vae",
        action="store_true",
        help="what holds for every architecture, and the order of the first transitions expected from the cumulants",
    )
    streaming_options(parser)
    output_options(parser)
