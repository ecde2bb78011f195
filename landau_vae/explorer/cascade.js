// First tab: how the modes of the data collapse one by one as the temperature rises. Exact for the linear model.
//
// λ_k eigenvalues, T_k = λ_k thresholds (0 where no latent is left), V total variance, t = T/V, M² signal fraction.

const LEADING = 6;
const MOST_BARS = 40;

/** What the closed forms say of the whole spectrum at one temperature; `latents` modes compete for latents. */
function equilibriumAt(data, T, latents = data.latents) {
  let active = 0, nats = 0, sampled = 0, averaged = 0, free = 0;
  data.eigenvalues.forEach((λ, k) => {
    if (k < latents) {
      active += λ > T ? 1 : 0;
      nats += rate(λ, T);
      sampled += distortion(λ, T);
      averaged += distortionPosteriorMean(λ, T);
      free += freeEnergy(λ, T);
    } else {
      sampled += λ;
      averaged += λ;
      free += λ;
    }
  });
  return {active, rate: nats, distortion: sampled, posteriorMean: averaged, freeEnergy: free};
}

/** Temperatures from below the smallest threshold that is more than `least` of the largest, to above the largest. */
function temperatureRange(data, least) {
  const live = data.eigenvalues.slice(0, data.latents).filter((λ) => λ > least * data.eigenvalues[0]);
  return [live[live.length - 1] / 2, 1.5 * data.eigenvalues[0]];
}

class CascadeView {
  constructor(root, data) {
    this.data = data;
    this.modes = Math.min(data.latents, data.eigenvalues.length);
    this.shown = Math.min(this.modes, MOST_BARS);
    [this.coldest, this.hottest] = temperatureRange(data, 5e-4);
    const controls = root.querySelector(".controls");
    this.temperature = new Slider(controls, {
      id: "temperature", label: "Temperature T", range: [this.coldest, this.hottest], log: true,
      value: Math.sqrt(data.eigenvalues[0] * data.eigenvalues[Math.min(3, this.modes - 1)] || this.coldest ** 2),
      changed: () => this.changed(),
    });
    this.player = new Player(controls, this.temperature, {id: "play-cascade"});
    this.mode = new Slider(controls, {
      id: "mode", label: "Mode k", range: [1, this.shown], step: 1, value: 1, show: String, changed: () => this.changed(),
    });
    this.readouts = new Readouts(root.querySelector(".numbers"), [
      ["t", "t = T/V", "temperature over the total variance of the data"],
      ["active", "active modes", "modes with λ_k > T"],
      ["rate", "rate (nats)", "divergence KL, summed over the latents"],
      ["distortion", "distortion D / V", "decoding samples of the posterior"],
      ["posterior-mean", "D / V, means", "decoding the posterior means"],
      ["free-energy", "F* / V", "free energy D + 2T KL"],
      ["threshold", "threshold T_k", "threshold of mode k: its eigenvalue"],
      ["signal", "M² of mode k", "signal fraction"],
      ["mode-rate", "KL of mode k", "nats"],
      ["width", "σ² of mode k", "posterior variance"],
    ]);
    this.announcer = new Announcer(root);
    this.makeCharts((name) => root.querySelector(`[data-view="${name}"]`));
    this.drawOnce();
  }

  get label() {
    return {label: "normalised temperature t = T/V", range: [this.coldest, this.hottest].map((T) => T / this.data.variance), log: true};
  }

  makeCharts(host) {
    const {data} = this;
    const V = data.variance;
    const level = (what) => (t) => [`t = ${written(t)}`, ...what(t * V)];
    this.potentials = new Chart(host("potentials"), {
      title: "Landau potential of the leading modes", x: {label: "order parameter M", range: [-1, 1]},
      y: {label: "(F − F₀) / λ", range: [-0.3, 0.2]},
      describe: (M) => [`M = ${written(M, 3)}`, ...this.leading.map((k) => `mode ${k + 1}: ${written(this.potential(k, M * M, this.temperature.value), 3)}`)],
    });
    const top = 2 * data.eigenvalues[0];
    this.spectrum = new Chart(host("spectrum"), {
      title: "spectrum, cut at the level T", x: {label: "mode k", range: [0.4, this.shown + 0.6], ticks: false},
      y: {label: "variance λ", range: [this.coldest / 2, top], log: true},
      describe: (x) => this.describeMode(clamp(Math.round(x), 1, this.shown) - 1),
    });
    this.ellipse = new Chart(host("ellipse"), {
      title: "posteriors in the latent plane", x: {label: "", range: [-5.296, 5.296]}, y: {label: "", range: [-2.25, 2.25]}, legend: 1,
      describe: () => {
        const [k, j] = this.plane();
        const T = this.temperature.value;
        return [k, j].filter((n) => n !== null).map((n) => {
          const s = posteriorVariance(data.eigenvalues[n], T);
          return `mode ${n + 1}: σ = ${written(Math.sqrt(s), 3)}, M² = ${written(signalFraction(data.eigenvalues[n], T), 3)}`;
        });
      },
    });
    this.signals = new Chart(host("signals"), {
      title: "signal fraction M²", x: this.label, y: {label: "M²", range: [0, 1.02]},
      describe: level((T) => this.leading.map((k) => `mode ${k + 1}: M² = ${written(signalFraction(data.eigenvalues[k], T), 3)}`)),
    });
    const coldest = equilibriumAt(data, this.coldest);
    this.rates = new Chart(host("rates"), {
      title: "rate Σ [½ ln(T_k/T)]₊", x: this.label, y: {label: "nats", range: [0, 1.05 * coldest.rate || 1]},
      describe: level((T) => [`all modes: ${written(equilibriumAt(data, T).rate)} nats`, `mode ${this.chosen + 1}: ${written(rate(data.eigenvalues[this.chosen], T))} nats`]),
    });
    this.errors = new Chart(host("errors"), {
      title: "distortion Σ min(T, λ_k)", x: this.label, y: {label: "distortion / V", range: [0, 1.05]}, legend: 1,
      describe: level((T) => {
        const at = equilibriumAt(data, T);
        return [`from samples: ${written(at.distortion / V)}`, `from means: ${written(at.posteriorMean / V)}`];
      }),
    });
  }

  changed() {
    timed(() => this.render());
  }

  get chosen() {
    return this.mode.value - 1;
  }

  /** The modes whose curves are drawn: the leading ones. */
  get leading() {
    return Array.from({length: Math.min(LEADING, this.modes)}, (_, k) => k);
  }

  /** The chosen mode and the one drawn against it: the next, or the one before; null if there is no other. */
  plane() {
    const other = this.chosen + 1 < this.modes ? this.chosen + 1 : this.chosen - 1;
    return [this.chosen, other >= 0 ? other : null];
  }

  potential(k, signal, T) {
    const λ = this.data.eigenvalues[k];
    return (reducedFreeEnergy(signal, λ, T) - reducedFreeEnergy(0, λ, T)) / λ;
  }

  describeMode(k) {
    const λ = this.data.eigenvalues[k];
    const T = this.temperature.value;
    const words = (this.data.loadings[k] ?? []).map(([column, weight]) => `${weight < 0 ? "−" : "+"}${Math.abs(weight).toFixed(2)} ${column}`);
    return [`mode ${k + 1}: λ = ${written(λ)}, t_k = ${written(λ / this.data.variance)}`,
      λ > T ? `active, M² = ${written(signalFraction(λ, T), 3)}` : "collapsed", ...words];
  }

  /** Curves over all temperatures, with every threshold among the abscissas. */
  drawOnce() {
    const {eigenvalues, variance} = this.data;
    const kinks = eigenvalues.slice(0, this.modes).filter((λ) => λ > this.coldest && λ < this.hottest).slice(0, 200);
    const temperatures = [...logarithmically(this.coldest, this.hottest, 240), ...kinks].sort((a, b) => a - b);
    for (const k of this.leading) {
      const λ = eigenvalues[k];
      this.signals.curve(`mode-${k}`, temperatures.map((T) => [T / variance, signalFraction(λ, T)]), {class: `line mode-${k}`});
    }
    const totals = temperatures.map((T) => [T / variance, equilibriumAt(this.data, T)]);
    this.rates.curve("total", totals.map(([t, at]) => [t, at.rate]), {class: "line strong"});
    this.errors.curve("sampled", totals.map(([t, at]) => [t, at.distortion / variance]), {class: "line strong"});
    this.errors.curve("means", totals.map(([t, at]) => [t, at.posteriorMean / variance]), {class: "line strong dashed"});
    this.errors.legend([["── samples", ""], ["╌╌ means", ""]]);
    this.rates.curve("of-mode", []);
    this.temperaturesDrawn = temperatures;
    // Numbers above the thresholds, as long as they do not overprint.
    let last = Infinity;
    for (const k of this.leading) {
      const at = this.signals.px(eigenvalues[k] / variance);
      if (last - at > 12 && eigenvalues[k] > this.coldest) {
        this.signals.note(`name-${k}`, eigenvalues[k] / variance, this.signals.y.high, String(k + 1), {class: `note mode-${k}`, "text-anchor": "middle", dy: -2});
        last = at;
      }
    }
    for (let k = 0; k < this.shown; k += 1) {
      if (this.shown <= 15 || k === 0 || (k + 1) % 5 === 0) {
        this.spectrum.note(`k-${k}`, k + 1, this.spectrum.y.low, String(k + 1), {"text-anchor": "middle", dy: 15, class: "note tick"});
      }
    }
    const scores = this.data.scores;
    for (let i = 0; i < scores.length; i += 1) this.ellipse.part(`row-${i}`, "circle");
    this.ellipse.ellipse("prior", 0, 0, 1, 1, {class: "prior"});
    this.ellipse.legend([["╌╌ prior", "current"], ["── posterior of a row", "cold"]]);
    this.drawnMode = null;
  }

  render() {
    const {data} = this;
    const T = this.temperature.value, t = T / data.variance, k = this.chosen, λ = data.eigenvalues[k];
    const at = equilibriumAt(data, T);
    this.readouts.set("t", t);
    this.readouts.set("active", at.active, `${at.active} of ${this.modes}`);
    this.readouts.set("rate", at.rate);
    this.readouts.set("distortion", at.distortion / data.variance);
    this.readouts.set("posterior-mean", at.posteriorMean / data.variance);
    this.readouts.set("free-energy", at.freeEnergy / data.variance);
    this.readouts.set("threshold", λ);
    this.readouts.set("signal", signalFraction(λ, T));
    this.readouts.set("mode-rate", rate(λ, T));
    this.readouts.set("width", posteriorVariance(λ, T));
    this.renderPotentials(T);
    this.renderSpectrum(T);
    this.renderEllipse(T);
    for (const chart of [this.signals, this.rates, this.errors]) chart.upright("now", t, {class: "now"});
    for (const n of this.leading) {
      const node = this.signals.dot(`dot-${n}`, t, signalFraction(data.eigenvalues[n], T), {class: `spot mode-${n}`, r: n === k ? 6 : 4});
      node.classList.toggle("hollow", data.eigenvalues[n] <= T);
    }
    if (this.drawnMode !== k) {
      this.drawnMode = k;
      this.rates.curve("of-mode", this.temperaturesDrawn.map((x) => [x / data.variance, rate(λ, x)]), {class: `line ${this.tint(k)}`});
    }
    this.rates.dot("dot-mode", t, rate(λ, T), {class: `spot ${this.tint(k)}`, r: 4});
    this.rates.dot("dot", t, at.rate, {class: "spot strong"});
    this.errors.dot("dot", t, at.distortion / data.variance, {class: "spot strong"});
    this.errors.dot("dot-means", t, at.posteriorMean / data.variance, {class: "spot strong", r: 4});
    this.announcer.say(`Temperature ${written(T)}: ${at.active} of ${this.modes} modes active, rate ${written(at.rate)} nats, ` +
      `distortion ${written(100 * at.distortion / data.variance, 3)} percent of the variance.`);
  }

  tint(k) {
    return k < LEADING ? `mode-${k}` : "mode-other";
  }

  renderPotentials(T) {
    const drawn = [...this.leading.filter((n) => n !== this.chosen), this.chosen];
    // As deep as the deepest well, and never flat.
    const depth = Math.max(0.04, ...drawn.map((n) => -this.potential(n, signalFraction(this.data.eigenvalues[n], T), T)));
    this.potentials.setRanges([-1, 1], [-1.25 * depth, 1.0 * depth]);
    const points = evenly(-0.999, 0.999, 161);
    for (const n of drawn) {
      const M = Math.sqrt(signalFraction(this.data.eigenvalues[n], T));
      const name = n < LEADING ? n : "other";
      const bold = n === this.chosen ? " bold" : "";
      this.potentials.curve(`curve-${name}`, points.map((x) => [x, this.potential(n, x * x, T)]), {class: `line ${this.tint(n)}${bold}`});
      const bottom = this.potential(n, M * M, T);
      this.potentials.dot(`left-${name}`, -M, bottom, {class: `spot hollow ${this.tint(n)}`, r: 4});
      this.potentials.dot(`right-${name}`, M, bottom, {class: `spot ${this.tint(n)}${M > 0 ? "" : " hollow"}`, r: n === this.chosen ? 6 : 4});
    }
    if (this.chosen < LEADING) for (const part of ["curve", "left", "right"]) this.potentials.hide(`${part}-other`);
  }

  renderSpectrum(T) {
    const {eigenvalues} = this.data;
    const floor = this.spectrum.y.low;
    for (let k = 0; k < this.shown; k += 1) {
      const λ = Math.max(eigenvalues[k], floor), alive = eigenvalues[k] > T;
      const chosen = k === this.chosen ? " chosen" : "";
      this.spectrum.bar(`below-${k}`, k + 0.6, k + 1.4, floor, Math.min(λ, Math.max(T, floor)), {class: `bar ${alive ? "noise" : "dead"}${chosen}`});
      this.spectrum.bar(`above-${k}`, k + 0.6, k + 1.4, Math.min(T, λ), λ, {class: `bar signal${chosen}`});
    }
    this.spectrum.across("level", T, {class: "now"});
    this.spectrum.note("level-label", this.shown + 0.6, T, "T", {class: "note current", "text-anchor": "end", dy: -5});
  }

  renderEllipse(T) {
    const {eigenvalues, scores} = this.data;
    const [k, j] = this.plane();
    const axis = (n) => (n === null ? {mean: 0, width: 1} : {
      mean: Math.sqrt(encoderWeightSquared(eigenvalues[n], T) * eigenvalues[n]),
      width: Math.sqrt(posteriorVariance(eigenvalues[n], T)),
    });
    const across = axis(k), up = axis(j);
    if (this.drawnPlane !== k) {
      this.drawnPlane = k;
      this.ellipse.x.label = `latent of mode ${k + 1}`;
      this.ellipse.y.label = j === null ? "superfluous latent" : `latent of mode ${j + 1}`;
      this.ellipse.drawAxes();
    }
    scores.forEach((row, i) => {
      const x = across.mean * row[k], y = j === null ? 0 : up.mean * row[j];
      this.ellipse.dot(`row-${i}`, x, y, {class: "row", r: 2.2});
      if (i < 8) this.ellipse.ellipse(`posterior-${i}`, x, y, across.width, up.width, {class: i === 0 ? "posterior first" : "posterior"});
    });
  }
}
