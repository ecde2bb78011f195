"""A verification as one HTML file: the verdict, every check with its numbers, the figures, what made it.

Symbol table
------------
checks    claims with predicted, exact and measured number, standard error and tolerance
figures   SVG as bytes, by the names of ``verify.figures.save_figures``
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from theory.references import source_line
from verify.evidence import judged_modes
from verify.report import Report, digits, tolerance_text

from .page import fill, resource, standalone

__all__ = ["report_page"]

_CAPTIONS = {
    "order_parameters": "Second moment, signal fraction and width of each latent against temperature.",
    "distortion": "Distortion that the leading latents leave, against temperature and against their number.",
    "identity": "Utility of each mode against its threshold, both measured, with the spectrum.",
    "stationarity": "Posterior scale and Jensen gap of the active latents, with the tolerances of the checks.",
}


def report_page(report: Report, figures: Mapping[str, bytes]) -> str:
    """Return a report as a standalone page.

    Parameters
    ----------
    report : Report
        A verification, with its `meta`.
    figures : mapping of str to bytes
        SVG files by name; shown in this order.

    Returns
    -------
    str
        An HTML document that loads nothing.
    """
    failed = [check.name for check in report.checks if not check.passed]
    holding = len(report.checks) - len(failed)
    verdict = f"{holding} of {len(report.checks)} checks hold"
    name = str(report.data.get("name", "data"))
    plan = report.sweep.plan
    about = (
        f"{report.data.get('rows', '?')} rows, {report.data.get('columns', '?')} columns; {plan.latents} latents, "
        f"{plan.mode} training, {len(plan.temperatures)} temperatures × {plan.seeds} seeds × {plan.steps} steps "
        f"in {report.seconds:.1f} s"
    )
    command = str(report.meta.get("command", ""))
    body = fill(
        resource("report.html"),
        {
            "name": escape(name),
            "about": escape(about),
            "verdict": escape(verdict + (f"; these fail: {', '.join(failed)}" if failed else "")),
            "mark": "fails" if failed else "holds",
            "sign": "✗" if failed else "✓",
            "notes": "".join(f"<p>{escape(note)}</p>\n" for note in report.notes),
            "checks": _checks(report),
            "spectra": _spectra(report),
            "figures": "".join(_figure(stem, svg) for stem, svg in figures.items()),
            "command": escape(command) or "not recorded",
            "facts": _facts({**report.meta, **{f"data: {key}": value for key, value in report.data.items()}}),
        },
    )
    return standalone(f"{name}: {verdict}", body, scripts=("theme.js",))


def _checks(report: Report) -> str:
    rows = []
    for check in report.checks:
        sources = "; ".join(source_line(key) for key in check.source)
        where = f" ({check.where})" if check.where else ""
        numbers = (digits(check.predicted), digits(check.exact), digits(check.measured), digits(check.stderr, 1))
        mark = _mark(check.passed)
        cells = "".join(_cell(number) for number in (*numbers, tolerance_text(check)))
        claim = f'<td class="claim">{escape(check.claim + where)}<br><small>{escape(sources)}</small></td>'
        rows.append(f'<tr><th scope="row">{escape(check.name)}</th>{claim}{cells}{mark}</tr>')
    header = ("check", "claim and source", "theory", "exact", "trained", "±", "tolerance", "verdict")
    return _table(header, rows, numeric=range(2, 7))


def _spectra(report: Report) -> str:
    spectra, judged = report.spectra, judged_modes(report.cascade)
    rows = []
    for k, fit in enumerate(report.trained.collapse[: report.cascade.modes]):
        values = [digits(spectra[key][k], 1 if key == "collapse_stderr" else 5) for key in spectra]
        status = fit.status if judged[k] or fit.status != "ok" else "not judged"
        cells = "".join(_cell(value) for value in (*values, digits(fit.exponent, 4)))
        rows.append(f'<tr><th scope="row">{k + 1}</th>{cells}<td>{escape(status)}</td></tr>')
    names = {"pca": "PCA λ_k/V", "collapse": "collapse t_k", "collapse_stderr": "±", "utility": "utility"}
    header = ("mode", *(names[key] for key in spectra), "exponent of M²", "fit")
    return _table(header, rows, numeric=range(1, 6))


def _table(header: Sequence[str], rows: Iterable[str], *, numeric: range) -> str:
    titles = "".join(
        f'<th scope="col"{" class=num" if i in numeric else ""}>{escape(title)}</th>' for i, title in enumerate(header)
    )
    return f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{chr(10).join(rows)}\n</tbody>\n</table>\n"


def _cell(text: str) -> str:
    return f'<td class="num">{escape(text)}</td>'


def _mark(good: bool) -> str:
    # A sign and a word beside the colour: not every reader sees colours.
    return '<td class="holds">✓ holds</td>' if good else '<td class="fails">✗ FAILS</td>'


def _figure(stem: str, svg: bytes) -> str:
    caption = escape(_CAPTIONS.get(stem, stem.replace("_", " ")))
    source = base64.b64encode(svg).decode()
    image = f'<img alt="{caption}" src="data:image/svg+xml;base64,{source}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>\n"


def _facts(facts: Mapping[str, Any]) -> str:
    return "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>\n" for key, value in facts.items())
