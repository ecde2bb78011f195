"""The works the theory rests on, and which of them stands behind which claim.

Every claim, derivation and check names its sources by the keys of `REFERENCES`; `cite` turns a key, or the name of
a claim, into BibTeX. A field that is not known is left out, never guessed. SymPy-free: the reports and the
command line cite without loading the derivations.

Symbol table
------------
key     first author and year, the BibTeX key, e.g. ``lucas2019``
claim   what is asserted, e.g. ``threshold``; a derivation cites under its own name, e.g. ``linear``
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .errors import InputError

__all__ = ["CLAIM_SOURCES", "REFERENCES", "Reference", "cite", "source_line"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One work in BibTeX form.

    Parameters
    ----------
    key : str
        Citation key.
    kind : str
        BibTeX entry type without the ``@``, e.g. ``"article"``.
    fields : mapping of str to str
        BibTeX fields in printing order; ``author``, ``title`` are required.
    """

    key: str
    kind: str
    fields: Mapping[str, str] = field(hash=False)

    def __post_init__(self) -> None:
        missing = [name for name in ("author", "title") if not self.fields.get(name)]
        if missing:
            raise ValueError(f"reference {self.key!r} lacks {', '.join(missing)}")

    def bibtex(self) -> str:
        """Return the BibTeX entry.

        Examples
        --------
        >>> print(REFERENCES["kingma2014"].bibtex())
        @inproceedings{kingma2014,
          author = {Kingma, Diederik P. and Welling, Max},
          title = {Auto-Encoding Variational {Bayes}},
          booktitle = {International Conference on Learning Representations},
          year = {2014},
          eprint = {1312.6114},
          archiveprefix = {arXiv},
        }
        """
        body = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{self.key},\n{body}}}"

    def line(self) -> str:
        """Return a one-line citation for tables and footnotes.

        Examples
        --------
        >>> REFERENCES["dai2020"].line()
        'Dai et al. 2020, arXiv:1912.10702'
        """
        authors = self.fields["author"].split(" and ")
        names = [author.split(",")[0].strip("{}") for author in authors]
        who = names[0] if len(names) == 1 else " & ".join(names) if len(names) == 2 else f"{names[0]} et al."
        when = f" {self.fields['year']}" if "year" in self.fields else ""
        if "eprint" in self.fields:
            where = f", arXiv:{self.fields['eprint']}"
        elif "doi" in self.fields:
            where = f", doi:{self.fields['doi']}"
        else:
            where = ""
        return f"{who}{when}{where}"


def _arxiv(number: str) -> dict[str, str]:
    return {"eprint": number, "archiveprefix": "arXiv"}


def _data_set(key: str, author: str, title: str, year: str, doi: str) -> Reference:
    return Reference(
        key,
        "misc",
        {
            "author": author,
            "title": title,
            "year": year,
            "howpublished": "UCI Machine Learning Repository",
            "doi": doi,
            "note": "CC BY 4.0",
        },
    )


_ALL = (
    Reference(
        "landau-vae",
        "software",
        {
            "author": "{the landau-vae developers}",
            "title": "landau-vae: theory of posterior collapse in {$\\beta$}-{VAE}s, derived symbolically, "
            "solved exactly, verified against trained models",
        },
    ),
    Reference(
        "hirn2026pruning",
        "misc",
        {
            "author": "Hirn",
            "title": "Posterior Collapse as Automatic Spectral Pruning",
            "year": "2026",
            **_arxiv("2605.22691"),
        },
    ),
    Reference(
        "hirn2026effective",
        "misc",
        {
            "author": "Hirn",
            "title": "{$\\beta$}-{VAE}s as Effective Theories",
            "year": "2026",
            **_arxiv("2608.10599"),
        },
    ),
    Reference(
        "li2025",
        "article",
        {
            "author": "Li, Zhen and Zhang, Fan and Zhang, Zheng and Chen, Yu",
            "title": "Posterior Collapse as a Phase Transition in Variational Autoencoders",
            "journal": "Physica A: Statistical Mechanics and its Applications",
            "volume": "683",
            "pages": "131228",
            **_arxiv("2510.01621"),
        },
    ),
    Reference(
        "li2026residual",
        "misc",
        {
            "author": "Li",
            "title": "Residual spectral instabilities in representation learning",
            "year": "2026",
            **_arxiv("2610.11257"),
        },
    ),
    Reference(
        "lucas2019",
        "inproceedings",
        {
            "author": "Lucas, James and Tucker, George and Grosse, Roger and Norouzi, Mohammad",
            "title": "Don't Blame the {ELBO}! {A} Linear {VAE} Perspective on Posterior Collapse",
            "booktitle": "Advances in Neural Information Processing Systems",
            "volume": "32",
            "year": "2019",
            **_arxiv("1911.02469"),
        },
    ),
    Reference(
        "dai2020",
        "inproceedings",
        {
            "author": "Dai, Bin and Wang, Ziyu and Wipf, David",
            "title": "The Usual Suspects? {Reassessing} Blame for {VAE} Posterior Collapse",
            "booktitle": "International Conference on Machine Learning",
            "year": "2020",
            **_arxiv("1912.10702"),
        },
    ),
    Reference(
        "wang2022",
        "inproceedings",
        {
            "author": "Wang, Zihao and Ziyin, Liu",
            "title": "Posterior Collapse of a Linear Latent Variable Model",
            "booktitle": "Advances in Neural Information Processing Systems",
            "volume": "35",
            "year": "2022",
            **_arxiv("2205.04009"),
        },
    ),
    Reference(
        "ichikawa2024",
        "inproceedings",
        {
            "author": "Ichikawa, Yuma and Hukushima, Koji",
            "title": "Learning Dynamics in Linear {VAE}: Posterior Collapse Threshold, Superfluous Latent Space "
            "Pitfalls, and Speedup with {KL} Annealing",
            "booktitle": "International Conference on Artificial Intelligence and Statistics",
            "year": "2024",
            **_arxiv("2310.15440"),
        },
    ),
    Reference(
        "ichikawa2025",
        "article",
        {
            "author": "Ichikawa, Yuma and Hukushima, Koji",
            "title": "High-dimensional Asymptotics of {VAE}s: Threshold of Posterior Collapse and Dataset-Size "
            "Dependence of Rate-Distortion Curve",
            "journal": "Journal of Statistical Mechanics: Theory and Experiment",
            "volume": "2025",
            "pages": "073402",
            "year": "2025",
            **_arxiv("2309.07663"),
        },
    ),
    Reference(
        "dang2024",
        "inproceedings",
        {
            "author": "Dang, Hien and Tran, Tho and Nguyen, Tan and Ho, Nhat",
            "title": "Beyond Vanilla Variational Autoencoders: Detecting Posterior Collapse in Conditional and "
            "Hierarchical Variational Autoencoders",
            "booktitle": "International Conference on Learning Representations",
            "year": "2024",
            **_arxiv("2306.05023"),
        },
    ),
    Reference(
        "chechik2005",
        "article",
        {
            "author": "Chechik, Gal and Globerson, Amir and Tishby, Naftali and Weiss, Yair",
            "title": "Information Bottleneck for {Gaussian} Variables",
            "journal": "Journal of Machine Learning Research",
            "volume": "6",
            "pages": "165--188",
            "year": "2005",
        },
    ),
    Reference(
        "alemi2018",
        "inproceedings",
        {
            "author": "Alemi, Alexander A. and Poole, Ben and Fischer, Ian and Dillon, Joshua V. "
            "and Saurous, Rif A. and Murphy, Kevin",
            "title": "Fixing a Broken {ELBO}",
            "booktitle": "International Conference on Machine Learning",
            "year": "2018",
            **_arxiv("1711.00464"),
        },
    ),
    Reference(
        "kingma2014",
        "inproceedings",
        {
            "author": "Kingma, Diederik P. and Welling, Max",
            "title": "Auto-Encoding Variational {Bayes}",
            "booktitle": "International Conference on Learning Representations",
            "year": "2014",
            **_arxiv("1312.6114"),
        },
    ),
    Reference(
        "tipping1999",
        "article",
        {
            "author": "Tipping, Michael E. and Bishop, Christopher M.",
            "title": "Probabilistic Principal Component Analysis",
            "journal": "Journal of the Royal Statistical Society: Series B",
            "volume": "61",
            "number": "3",
            "pages": "611--622",
            "year": "1999",
            "doi": "10.1111/1467-9868.00196",
        },
    ),
    Reference(
        "cover2006",
        "book",
        {
            "author": "Cover, Thomas M. and Thomas, Joy A.",
            "title": "Elements of Information Theory",
            "edition": "2",
            "publisher": "Wiley",
            "year": "2006",
        },
    ),
    Reference(
        "guo2005",
        "article",
        {
            "author": "Guo, Dongning and Shamai, Shlomo and Verd{\\'u}, Sergio",
            "title": "Mutual Information and Minimum Mean-Square Error in {Gaussian} Channels",
            "journal": "IEEE Transactions on Information Theory",
            "volume": "51",
            "number": "4",
            "pages": "1261--1282",
            "year": "2005",
        },
    ),
    Reference(
        "guo2011",
        "article",
        {
            "author": "Guo, Dongning and Wu, Yihong and Shamai, Shlomo and Verd{\\'u}, Sergio",
            "title": "Estimation in {Gaussian} Noise: Properties of the Minimum Mean-Square Error",
            "journal": "IEEE Transactions on Information Theory",
            "volume": "57",
            "number": "4",
            "pages": "2371--2385",
            "year": "2011",
        },
    ),
    Reference(
        "hijmans2005",
        "article",
        {
            "author": "Hijmans, Robert J. and Cameron, Susan E. and Parra, Juan L. and Jones, Peter G. "
            "and Jarvis, Andy",
            "title": "Very High Resolution Interpolated Climate Surfaces for Global Land Areas",
            "journal": "International Journal of Climatology",
            "volume": "25",
            "number": "15",
            "pages": "1965--1978",
            "year": "2005",
            "doi": "10.1002/joc.1276",
        },
    ),
    _data_set("wine", "Aeberhard, Stefan and Forina, M.", "Wine", "1992", "10.24432/C5PC7J"),
    _data_set(
        "breast-cancer",
        "Wolberg, William and Mangasarian, Olvi and Street, W. Nick",
        "Breast Cancer Wisconsin (Diagnostic)",
        "1993",
        "10.24432/C5DW2B",
    ),
    _data_set(
        "digits",
        "Alpaydin, E. and Kaynak, C.",
        "Optical Recognition of Handwritten Digits",
        "1998",
        "10.24432/C50P49",
    ),
)

REFERENCES: Mapping[str, Reference] = MappingProxyType({reference.key: reference for reference in _ALL})
"""Citation key to work."""

CLAIM_SOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # derivations
        "loss": ("kingma2014", "hirn2026pruning"),
        "conversions": ("kingma2014", "alemi2018", "hirn2026pruning"),
        "kl-identity": ("hirn2026pruning", "hirn2026effective"),
        "linear": ("lucas2019", "dai2020", "wang2022", "hirn2026pruning"),
        "nonlinear-decoder": ("hirn2026pruning", "li2025", "guo2011"),
        "nonlinear-mean": ("hirn2026pruning", "li2025", "guo2011"),
        "flexible": ("hirn2026pruning", "li2025"),
        "bernoulli": ("lucas2019", "dai2020", "li2025"),
        "poisson": ("lucas2019", "dai2020", "li2025"),
        "learned-variance": ("tipping1999", "lucas2019", "dai2020"),
        "conditional": ("dang2024", "lucas2019"),
        "bottleneck": ("chechik2005", "alemi2018"),
        "curve": ("hirn2026pruning", "hirn2026effective", "guo2005", "guo2011"),
        "relaxation-rates": ("ichikawa2024", "wang2022", "hirn2026pruning"),
        "residual-stability": ("li2026residual", "hirn2026effective"),
        "sandwich": ("cover2006", "alemi2018", "dai2020"),
        "transition-laws": ("hirn2026effective", "li2025", "li2026residual"),
        # claims that a derivation makes and training is held against
        "free-energy": ("hirn2026pruning", "alemi2018"),
        "threshold": ("lucas2019", "li2025", "hirn2026pruning"),
        "signal-fraction": ("hirn2026pruning",),
        "exponent": ("hirn2026pruning",),
        "rate": ("lucas2019", "hirn2026pruning"),
        "distortion": ("cover2006", "hirn2026pruning"),
        "water-filling": ("cover2006", "alemi2018"),
        "utility": ("hirn2026pruning",),
        "stationarity": ("hirn2026pruning",),
        "collapse": ("lucas2019", "dai2020", "li2025"),
        "global-optimum": ("lucas2019", "wang2022"),
        "residual-edge": ("li2026residual",),
        "worldclim": ("hijmans2005",),
    }
)
"""Claim, or name of a derivation, to the keys of the works that it rests on, the closest first."""


def cite(name: str = "landau-vae") -> str:
    """Return BibTeX for a work or for every work behind a claim.

    Parameters
    ----------
    name : str
        A key of `REFERENCES` or of `CLAIM_SOURCES`; the default is the software itself.

    Returns
    -------
    str
        BibTeX entries separated by blank lines, without a trailing newline.

    Raises
    ------
    InputError
        If `name` is neither; the message lists what is known.

    Examples
    --------
    >>> cite("threshold").count("@")
    3
    >>> cite("phlogiston")
    Traceback (most recent call last):
        ...
    theory.errors.InputError: cite: unknown name 'phlogiston'; use a work (...) or a claim (...)
    """
    if name in REFERENCES:
        return REFERENCES[name].bibtex()
    if name in CLAIM_SOURCES:
        return "\n\n".join(REFERENCES[key].bibtex() for key in CLAIM_SOURCES[name])
    raise InputError(
        f"cite: unknown name {name!r}; use a work ({', '.join(REFERENCES)}) or a claim ({', '.join(CLAIM_SOURCES)})"
    )


def source_line(*keys: str) -> str:
    """Return a one-line citation of several works, for a table or a footnote.

    Raises
    ------
    InputError
        If a key is not in `REFERENCES`.

    Examples
    --------
    >>> source_line("lucas2019", "hirn2026pruning")
    'Lucas et al. 2019, arXiv:1911.02469; Hirn 2026, arXiv:2605.22691'
    """
    for key in keys:
        if key not in REFERENCES:
            raise InputError(f"source_line: unknown work {key!r}; known works: {', '.join(REFERENCES)}")
    return "; ".join(REFERENCES[key].line() for key in keys)
