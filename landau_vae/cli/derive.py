"""``landau-vae derive``: a model explained step by step, with the verdict that follows."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from theory.errors import InputError
from theory.explain import LAWS, Explanation, explain
from theory.model import MODEL_CLASSES
from theory.relatives import derive_relative

from .options import load_data
from .output import dumps

_WITHOUT_DATA = {"--order", "--cumulants", "--latex", "--json", "--python"}


_JOINT_ORDER = 4
_ALL_MODES = (
    "all columns: skewness and kurtosis of mode 1 and its co-skewness with every other mode; coordinate 2 stands for "
    "these together, with the same sums of kappa_11j**2 and of kappa_11j**2/(1 - lambdaj)",
    "cumulants beyond the fourth order, which decide only at a tricritical point, and states far from collapse",
)
_DEGENERATE = (
    "the scores of mode 1 alone: the top eigenvalue is degenerate, so that no one mode is critical",
    "its co-skewness with the other modes, and those that are critical with it: not a verdict for all columns",
)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    if args.data is not None and args.cumulants is not None:
        raise InputError("--cumulants and --data both fix the cumulants of the top mode; give one of them")
    given = args.parser.given(args)
    if args.model in LAWS:
        return _law(args, given)
    if args.data is None and (idle := given - _WITHOUT_DATA):
        raise InputError(f"{min(idle)} needs data, got none; add --data DATA or leave {min(idle)} out")
    source: dict[str, Any] = {}
    if args.data is not None:
        explanation, source = _of_data(args)
    else:
        explanation = explain(args.model, order=args.order, cumulants=args.cumulants)
    if args.json:
        print(dumps({**explanation.to_json(), **({"top_mode": source} if source else {})}))
    elif args.latex:
        print(explanation.to_latex())
    elif args.python:
        print(explanation.to_python(), end="")
    else:
        print(explanation.to_text(width=80, unicode=_unicode()), end="")
        for name, value in source.items():
            print(f"top mode, {name.replace('_', ' ')}: {_shown(value)}")
    return 0


def _law(args: argparse.Namespace, given: set[str]) -> int:
    """A derivation that belongs to no one model."""
    if idle := given - {"--latex", "--json"}:
        raise InputError(
            f"{args.model} is a law, not a model: it takes --latex or --json, got {min(idle)}; leave {min(idle)} out"
        )
    law = derive_relative(args.model)
    print(dumps(law.to_json()) if args.json else law.to_latex() if args.latex else law.to_text(80, _unicode()))
    return 0


def _unicode() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf")


def _of_data(args: argparse.Namespace) -> tuple[Explanation, dict[str, Any]]:
    """The verdict for the top principal mode of a table, and what is known of that mode beyond its cumulants."""
    if args.model not in MODEL_CLASSES:
        raise InputError(f"--data needs a model class ({', '.join(MODEL_CLASSES)}), got {args.model}; leave --data out")
    from numerics.projection import joint_cumulants, mode_scores, standardized_cumulants
    from numerics.spectrum import Spectrum
    from numerics.subgaussian import subgaussian_proxy

    table, _ = load_data(args)
    spectrum = Spectrum.from_table(table, standardize=not args.no_standardize)
    scores, eigenvalue = mode_scores(spectrum, table.values)
    cumulants = standardized_cumulants(scores, table.weights, order=max(args.order, 4))
    several = spectrum.rank > 1
    if several and args.order > _JOINT_ORDER:
        raise InputError(
            f"--order must be at most {_JOINT_ORDER} with --data of several columns, got {args.order}: beyond, every "
            "mode enters with cumulants of its own; lower it, or give --columns one column"
        )
    joint = joint_cumulants(spectrum, table.values, table.weights) if several else None
    proxy = subgaussian_proxy(scores, table.weights)
    source = {
        "data": table.name,
        "data_sha256": table.sha256,
        "eigenvalue": eigenvalue,
        "cumulants": cumulants,
        # λ ≤ T* ≤ σ²_sG for any architecture that encodes this mode alone.
        "coexistence_bounds": [1.0, proxy.upper],
    }
    if several:
        source["scope_of_coexistence_bounds"] = "the scores of mode 1 alone; landau-vae phase --full has all columns"
        source["used"], source["left_out"] = _DEGENERATE if joint is None else _ALL_MODES
    if joint is not None:
        source["co_skewness"] = float(joint.known[2, 1])
        source["softened_co_skewness"] = float(joint.known[2, 1]) / (1 - float(joint.known[0, 2])) ** 0.5
    return explain(args.model, order=args.order, cumulants=cumulants if joint is None else joint), source


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {number:.5g}" for name, number in value.items())
    if isinstance(value, list):
        return " to ".join(f"{number:.6g}" for number in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
