"""The exact equilibrium of a linear β-VAE as a scikit-learn estimator: nothing is trained, everything is closed.

===========  ========================================================  ==========  =======
symbol       meaning                                                   shape       unit
===========  ========================================================  ==========  =======
``λ, U``     eigenvalues and eigenvectors of the covariance            (D,) (D,D)  data²
``T``        temperature of the loss at β                              scalar      data²
``M²``       signal fractions ``[1 − T/λ]_+``                          (K,)        1
``v``        encoder weight on each mode                               (K,)        1/data
``w``        decoder weight on each mode                               (K,)        data
``s``        posterior variance ``min(T/λ, 1)``                        (K,)        1
===========  ========================================================  ==========  =======

scikit-learn is no dependency: its conventions are kept without it, and its tags and its error for an estimator that is
not fitted are taken from it where it is installed.
"""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics import _formulas
from numerics.checked import checked_weights, require_finite
from numerics.conventions import beta_of, loss_convention, temperature_of
from numerics.linear_equilibrium import Cascade
from numerics.moments import Moments
from numerics.spectrum import Spectrum
from theory.errors import InputError

__all__ = ["LinearBetaVAE"]

Array = NDArray[np.float64]


class LinearBetaVAE:
    """Linear β-VAE at its global optimum.

    Parameters
    ----------
    beta : float
        β > 0, as the loss is written.
    loss : str
        How the loss is written: ``elbo``, ``half-sse``, ``sse``, ``mse``, ``mse-mean-kl`` or ``mse-sum-kl``
        (:data:`numerics.conventions.CONVENTIONS`).
    n_latents : int, optional
        K; as many as columns by default. Of them, those with an eigenvalue above the temperature are active.
    decoder_variance : float, optional
        η² of ``elbo``; 1 by default.
    batch_size : int, optional
        B, for ``mse-sum-kl``.

    Attributes
    ----------
    temperature_ : float
        T, in units of data variance.
    thresholds_ : ndarray, shape (K,)
        T at which each latent collapses: the K leading eigenvalues (0 for latents that have no mode).
    beta_thresholds_ : ndarray, shape (K,)
        The same as β of this loss.
    signal_fractions_ : ndarray, shape (K,)
        M² of each latent.
    rates_ : ndarray, shape (K,)
        KL of each latent, nats.
    posterior_variances_ : ndarray, shape (K,)
        Variance of the posterior of each latent.
    n_active_ : int
        Latents with M² > 0.
    components_ : ndarray, shape (K, D)
        Unit vector that each latent reads; zero for latents that have no mode.
    encoder_, decoder_ : ndarray, shape (K, D) and (D, K)
        Weights: posterior means are ``(X − mean_) @ encoder_.T``, reconstructions ``z @ decoder_.T + mean_``.
    mean_ : ndarray, shape (D,)
        Mean of the data.
    free_energy_ : float
        F* = distortion + 2 T · KL, in units of data variance.
    cascade_ : Cascade
        Everything at any other temperature.
    moments_ : Moments
        What was accumulated.
    n_features_in_, n_samples_seen_ : int
        Columns and rows.
    feature_names_in_ : ndarray of str
        Only if the data had names.

    Notes
    -----
    Columns are centred, not standardised: a VAE's loss has the units of its data. Put a ``StandardScaler`` before it if
    the network sees standardised data. Constant columns are kept; they take no latent. Latents are ordered by
    eigenvalue, and the sign of each makes its largest component positive.

    :meth:`score` is the mean log-likelihood ``ln N(x; mean_, W Wᵀ + T I)`` of the decoder, in nats per row. It equals
    ``−F/(2T) − (D/2) ln 2πT``, F being the free energy of the rows, because the linear encoder is the decoder's exact
    posterior: unlike F it compares different β. Lucas et al., NeurIPS 2019; Tipping & Bishop, J. R. Stat. Soc. B 61,
    611 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 4)) * [3.0, 2.0, 1.0, 0.0]
    >>> vae = LinearBetaVAE(beta=2.0, loss="half-sse").fit(x)
    >>> vae.n_active_, vae.signal_fractions_.round(2)
    (2, array([0.79, 0.43, 0.  , 0.  ]))
    >>> vae.transform(x).shape, vae.inverse_transform(vae.transform(x)).shape
    ((500, 4), (500, 4))

    Standardised, in a pipeline, with β chosen by cross-validated likelihood:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) + 0.5 * rng.normal(size=(400, 6))
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), LinearBetaVAE(loss="half-sse", n_latents=2)),
    ...     {"linearbetavae__beta": [0.01, 0.1, 1.0, 10.0]},
    ... ).fit(x)
    >>> search.best_params_, search.best_estimator_[-1].n_active_
    ({'linearbetavae__beta': 0.1}, 2)
    """

    def __init__(
        self,
        beta: float = 1.0,
        *,
        loss: str = "elbo",
        n_latents: int | None = None,
        decoder_variance: float | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.beta = beta
        self.loss = loss
        self.n_latents = n_latents
        self.decoder_variance = decoder_variance
        self.batch_size = batch_size

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the equilibrium of some rows.

        Parameters
        ----------
        X : array_like, shape (N, D)
            Finite; N ≥ 2.
        y : ignored
            For pipelines.
        sample_weight : array_like, shape (N,), optional
            Not negative; a row of weight 2 counts like two rows.

        Raises
        ------
        InputError
            For unusable data or parameters.
        """
        x, names = self._matrix(X)
        if len(x) < 2:
            raise InputError(
                f"X must have at least 2 rows, got n_samples = {len(x)}: one row has no variance; give more"
            )
        w = None if sample_weight is None else checked_weights(sample_weight, len(x), "sample_weight")
        return self._settle(Moments.of(x, w, where="X"), names)

    def partial_fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Merge more rows, one or many: the equilibrium is that of all rows seen. Parameters, errors as :meth:`fit`."""
        if not hasattr(self, "moments_"):
            x, names = self._matrix(X)
        else:
            x, names = self._like_fitted(X), getattr(self, "feature_names_in_", None)
        moments = Moments.of(x, sample_weight, where="X")
        return self._settle(self.moments_.merge(moments) if hasattr(self, "moments_") else moments, names)

    def transform(self, X: ArrayLike) -> Array:
        """Posterior means of the latents, shape (N, K); those of collapsed latents are 0."""
        self._require_fitted()
        means: Array = (self._like_fitted(X) - self.mean_) @ self.encoder_.T
        return means

    def fit_transform(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Array:
        """:meth:`fit`, then :meth:`transform` of the same rows."""
        return self.fit(X, y, sample_weight).transform(X)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Decode latents, shape (N, K), to rows, shape (N, D)."""
        self._require_fitted()
        z, _ = self._matrix(X)
        if z.shape[1] != len(self.thresholds_):
            raise InputError(
                f"X must have {len(self.thresholds_)} latents per row, got {z.shape[1]}; give what transform does"
            )
        rows: Array = z @ self.decoder_.T + self.mean_
        return rows

    def score_samples(self, X: ArrayLike) -> Array:
        """Log-likelihood of each row in nats, shape (N,); see Notes."""
        self._require_fitted()
        centred = self._like_fitted(X) - self.mean_
        a, t = self.n_active_, self.temperature_
        # Along an active mode the variance of the decoder is λ, across all others it is T: no matrix is inverted.
        along = centred @ self.components_[:a].T
        leading = self.thresholds_[:a]
        rest = np.maximum(np.einsum("nd,nd->n", centred, centred) - np.einsum("na,na->n", along, along), 0.0)
        log_det = np.log(leading).sum() + (centred.shape[1] - a) * np.log(t)
        square = (along**2 / leading).sum(axis=1) + rest / t
        likelihood: Array = -0.5 * (square + log_det + centred.shape[1] * np.log(2 * np.pi))
        return likelihood

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean of :meth:`score_samples`, in nats per row."""
        values = self.score_samples(X)
        w = None if sample_weight is None else checked_weights(sample_weight, len(values), "sample_weight", least=1)
        return float(np.average(values, weights=w))

    def sample(
        self, n_samples: int = 1, *, random_state: int | np.random.Generator | None = None, noise: bool = False
    ) -> Array:
        """Rows that the decoder makes of the prior, shape (n_samples, D).

        Parameters
        ----------
        n_samples : int
            At least 1.
        random_state : int or numpy.random.Generator, optional
            Seed.
        noise : bool
            Add the decoder's noise of variance T; without, the decoder's means are returned.
        """
        self._require_fitted()
        if isinstance(n_samples, bool) or n_samples != int(n_samples) or n_samples < 1:
            raise InputError(f"n_samples must be an integer of at least 1, got {n_samples!r}; ask for one row or more")
        rng = np.random.default_rng(random_state)
        rows = rng.standard_normal((int(n_samples), len(self.thresholds_))) @ self.decoder_.T + self.mean_
        if noise:
            rows += np.sqrt(self.temperature_) * rng.standard_normal(rows.shape)
        return rows

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Names of the latents: ``linearbetavae0``, ``linearbetavae1``, …"""
        self._require_fitted()
        if input_features is not None:
            given, known = list(map(str, np.asarray(input_features))), getattr(self, "feature_names_in_", None)
            if known is not None and given != list(known):
                raise InputError("input_features is not equal to feature_names_in_; leave it out")
            if len(given) != self.n_features_in_:
                raise InputError(
                    f"input_features should have length equal to number of features ({self.n_features_in_}), got "
                    f"{len(given)}; leave it out"
                )
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{k}" for k in range(len(self.thresholds_))], dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; InputError for an unknown one."""
        for name, value in params.items():
            if name not in self._parameters():
                raise InputError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {self._parameters()!r}."
                )
            setattr(self, name, value)
        return self

    @classmethod
    def _parameters(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = (f"{k}={v!r}" for k, v in self.get_params().items() if v is not defaults[k].default)
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "thresholds_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64"]),
            input_tags=InputTags(),
        )

    def _settle(self, moments: Moments, names: NDArray[Any] | None) -> Self:
        """Equilibrium of accumulated moments; attributes appear all together or not at all."""
        dim = moments.mean.size
        k = dim if self.n_latents is None else self.n_latents
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"n_latents must be an integer of at least 1 or None, got {self.n_latents!r}; give K")
        if loss_convention(self.loss).family != "gaussian":
            raise InputError(
                f"loss must be a squared error for a linear VAE to be solved exactly, got {self.loss!r}; `landau-vae "
                "cascade --loss` gives its thresholds"
            )
        sizes: dict[str, Any] = {
            "features": dim, "latents": int(k), "batch_size": self.batch_size, "decoder_variance": self.decoder_variance
        }  # fmt: skip
        temperature = float(temperature_of(self.loss, self.beta, **sizes))
        self.moments_, self.n_features_in_, self.n_samples_seen_ = moments, dim, moments.n
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if moments.n < 2:
            # The first row of a stream: there is nothing to settle yet.
            return self
        spectrum = Spectrum.from_moments(moments, standardize=False)
        assert spectrum.axes is not None  # from_moments makes them by default
        modes = min(k, dim)
        lam = np.zeros(k)
        lam[:modes] = spectrum.eigenvalues[:modes]
        axes = np.zeros((k, dim))
        axes[:modes] = spectrum.axes[:, :modes].T
        # A mode without variance has no axis: what the decomposition returns for it is arbitrary.
        axes[lam == 0] = 0.0
        active = lam > temperature
        v, w = np.zeros(k), np.zeros(k)
        v[active] = np.sqrt(_formulas.encoder_weight_squared(lam[active], temperature))
        w[active] = np.sqrt(_formulas.decoder_weight_squared(lam[active], temperature))
        variances = np.ones(k)
        variances[active] = _formulas.posterior_variance(lam[active], temperature)
        fractions, rates = np.zeros(k), np.zeros(k)
        fractions[active] = _formulas.signal_fraction(lam[active], temperature)
        rates[active] = _formulas.rate(lam[active], temperature)
        self.cascade_ = Cascade(spectrum, int(k))
        self.temperature_, self.mean_ = temperature, moments.mean
        self.thresholds_, self.components_ = lam, axes
        self.beta_thresholds_ = beta_of(self.loss, lam, **sizes)
        self.signal_fractions_, self.rates_, self.posterior_variances_ = fractions, rates, variances
        self.n_active_ = int(active.sum())
        self.encoder_, self.decoder_ = v[:, None] * axes, (w[:, None] * axes).T
        self.free_energy_ = float(self.cascade_.free_energy(temperature)[0])
        return self

    def _require_fitted(self) -> None:
        if hasattr(self, "thresholds_"):
            return
        message = f"this {type(self).__name__} is not fitted yet; call fit, or partial_fit with two rows or more"
        try:
            from sklearn.exceptions import NotFittedError
        except ImportError:
            raise InputError(message) from None
        raise NotFittedError(message)

    def _like_fitted(self, X: ArrayLike) -> Array:
        x, names = self._matrix(X)
        known = getattr(self, "feature_names_in_", None)
        if names is not None and known is not None and list(names) != list(known):
            raise InputError(
                f"The feature names should match those that were passed during fit: got {list(names)[:4]} …, fitted on "
                f"{list(known)[:4]} …; choose the same columns in the same order"
            )
        if x.shape[1] != self.n_features_in_:
            raise InputError(
                f"X has {x.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} features "
                "as input; choose the same columns"
            )
        return x

    @staticmethod
    def _matrix(X: Any) -> tuple[Array, NDArray[Any] | None]:
        """Rows as float64 and the names of their columns if they have any."""
        if hasattr(X, "toarray"):
            raise InputError("X must be dense, got a sparse container: centring it would fill it; pass X.toarray()")
        x = np.asarray(X)
        if x.dtype.kind == "c":
            raise InputError(
                "X must hold real numbers: Complex data not supported; give real and imaginary parts as columns"
            )
        if x.dtype.kind not in "fiub":
            # Objects and text that are numbers; what is none raises Python's own TypeError or ValueError.
            x = x.astype(np.float64)
        if x.ndim != 2:
            raise InputError(
                f"X must be two-dimensional (rows, columns), got shape {x.shape}; Reshape your data: X.reshape(-1, 1) "
                "makes one column, X.reshape(1, -1) one row"
            )
        if 0 in x.shape:
            raise InputError(
                f"X must have rows and columns: found array with {x.shape[0]} sample(s) and {x.shape[1]} feature(s) "
                f"(shape={x.shape}) while a minimum of 1 is required."
            )
        x = x.astype(np.float64, copy=False)
        columns = [str(name) for name in getattr(X, "columns", ())]
        require_finite(x, columns or [f"x{k + 1}" for k in range(x.shape[1])], "X")
        names = np.array(columns, dtype=object) if columns and all(isinstance(c, str) for c in X.columns) else None
        return x, names
