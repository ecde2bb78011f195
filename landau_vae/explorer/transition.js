// Second tab: is the collapse continuous, or a jump with hysteresis? Temperatures in units of the variance of the mode,
// so that collapse loses stability at T = 1.
//
// A model has one coordinate q of its states (M², or the width amplitude r), the temperature(q) at which q is
// stationary, the slope of the potential, the potential over its value at collapse, rate and signal fraction.

/** The parabola in closed form; q = M². */
class ParabolaModel {
  constructor(curvature) {
    this.curvature = curvature;
    [this.low, this.high] = [0, 0.9999];
    this.side = 1;
    this.coordinate = "signal fraction M²";
  }

  temperature(q) {
    return parabolaTemperature(q, this.curvature);
  }

  /** Of the same sign as the slope of F: it falls towards the temperature at which q is stationary. */
  slope(q, T) {
    return T - this.temperature(q);
  }

  potential(q, T) {
    return parabolaFreeEnergy(q, this.curvature, T) - parabolaFreeEnergy(0, this.curvature, T);
  }

  rate(q) {
    return signalRate(q);
  }

  signal(q) {
    return q;
  }
}

/** Free encoder and decoder, Landau polynomial through order 4; q = r, the mean amplitude follows. */
class FlexibleModel {
  constructor(skewness, kurtosis) {
    Object.assign(this, {skewness, kurtosis});
    [this.low, this.high] = [-1.2, 1.2];
    this.side = skewness < 0 ? -1 : 1;
    this.coordinate = "width amplitude r";
  }

  /** Lowest squared mean amplitude at a width: the slope in it is affine, two values give its root. */
  signal(r, T) {
    const at = (m) => flexibleSlopeSignal(m, r, T, this.skewness, this.kurtosis);
    return Math.max(0, -at(0) / (at(1) - at(0)));
  }

  /** Where a width-coded state (a = 0) is stationary: the slope is affine in T. */
  temperature(r) {
    const at = (T) => flexibleSlopeWidth(0, r, T, this.skewness, this.kurtosis);
    return -at(0) / (at(1) - at(0));
  }

  slope(r, T) {
    return flexibleSlopeWidth(this.signal(r, T), r, T, this.skewness, this.kurtosis);
  }

  potential(r, T) {
    return flexibleFreeEnergy(this.signal(r, T), r, T, this.skewness, this.kurtosis);
  }

  rate(r, T) {
    return flexibleRate(this.signal(r, T), r);
  }
}

/** Spinodal, coexistence and the states there; a continuous transition has all of them at q = 0, T = 1. */
function transitionOf(model) {
  const near = model.side * 1e-7, far = model.side > 0 ? model.high : model.low;
  const fold = highestBetween((q) => model.temperature(q), Math.min(near, far), Math.max(near, far));
  const spinodal = model.temperature(fold);
  if (!(spinodal > 1 + 1e-9)) return {jump: false, fold: 0, spinodal: 1, coexistence: 1, state: 0, rate: 0, signal: 0};
  const excess = (share) => -model.potential(fold + share * (far - fold), model.temperature(fold + share * (far - fold)));
  const state = fold + rootBetween(excess, 0, 1) * (far - fold);
  const coexistence = model.temperature(state);
  return {jump: true, fold, spinodal, coexistence, state, rate: model.rate(state, coexistence), signal: model.signal(state, coexistence)};
}

class TransitionView {
  constructor(root) {
    this.root = root;
    const controls = root.querySelector(".controls");
    this.kind = controls.querySelector("#model");
    this.kind.addEventListener("change", () => this.changed(true));
    const shapeOf = (id, label, range, value) => new Slider(controls, {id, label, range, value, step: 0.005, show: (x) => written(x, 3), changed: () => this.changed(true)});
    this.curvature = shapeOf("curvature", "Curvature c", [0, 1], 0.7);
    this.skewness = shapeOf("skewness", "Skewness κ₃", [-0.6, 0.6], 0.5);
    this.kurtosis = shapeOf("kurtosis", "Kurtosis κ₄", [-1, 1], 0.5);
    this.temperature = new Slider(controls, {
      id: "relative-temperature", label: "Temperature T/λ", range: [0.8, 1.2], value: 1.1, changed: () => this.changed(false),
    });
    this.player = new Player(controls, this.temperature, {id: "play-transition", seconds: 7, up: false});
    this.readouts = new Readouts(root.querySelector(".numbers"), [
      ["kind", "transition"],
      ["branch-signal", "M² of the state", "signal fraction of the state that follows the slider"],
      ["branch-rate", "KL of the state", "nats"],
      ["branch-excess", "F − F(collapsed)", "over the variance of the mode; below 0 the state beats collapse"],
      ["coexistence", "coexistence T*/λ", "where the lowest state changes"],
      ["spinodal", "spinodal T_s/λ", "where the active branch ends on heating"],
      ["rate-jump", "KL jump at T*", "nats"],
      ["lag", "hysteresis", "temperatures with two minima, in units of λ"],
    ]);
    this.caption = root.querySelector(".caption");
    this.announcer = new Announcer(root);
    const view = (name) => root.querySelector(`[data-view="${name}"]`);
    this.potential = new Chart(view("well"), {
      title: "potential of the latent", x: {label: "", range: [0, 1]}, y: {label: "F − F(collapsed), over λ", range: [-1, 1]}, height: 425, legend: 1,
      describe: (q) => [`${this.model.coordinate.split(" ").pop()} = ${written(q, 3)}`, `F − F(collapsed) = ${written(this.model.potential(q, this.temperature.value), 3)}`],
    });
    this.loop = new Chart(view("loop"), {
      title: "hysteresis: the state follows its branch", x: {label: "temperature T/λ", range: [0.8, 1.2]}, y: {label: "rate KL (nats)", range: [0, 1]}, height: 425,
      describe: (T) => [`T/λ = ${written(T)}`, `heated: KL = ${written(this.interpolated(this.heating, T), 3)}`, `cooled: KL = ${written(this.interpolated(this.cooling, T), 3)}`],
    });
    this.plane = new Chart(view("plane"), {
      title: "where it jumps", x: {label: "", range: [0, 1]}, y: {label: "temperature T/λ", range: [0.8, 1.2]}, height: 425,
      describe: (shapeValue) => {
        const at = transitionOf(this.modelAt(shapeValue));
        return [`${this.shapeSlider.input.id} ${written(shapeValue, 3)}: ${at.jump ? "a jump" : "continuous"}`, `T* = ${written(at.coexistence, 5)}, T_s = ${written(at.spinodal, 5)}`];
      },
    });
    this.state = 0;
    this.prepare();
    this.render();
  }

  get parabola() {
    return this.kind.value === "parabola";
  }

  get shapeSlider() {
    return this.parabola ? this.curvature : this.skewness;
  }

  modelAt(value) {
    return this.parabola ? new ParabolaModel(value) : new FlexibleModel(value, this.kurtosis.value);
  }

  changed(shape) {
    timed(() => {
      if (shape) this.prepare();
      this.render();
    });
  }

  interpolated(branch, T) {
    const i = clamp(branch.findIndex(([at]) => at >= T), 1, branch.length - 1);
    const [[left, a], [right, b]] = [branch[i - 1], branch[i]];
    return a + (b - a) * clamp((T - left) / (right - left), 0, 1);
  }

  /** Everything that depends on the shape of the data alone. */
  prepare() {
    this.curvature.root.hidden = !this.parabola;
    this.skewness.root.hidden = this.kurtosis.root.hidden = this.parabola;
    const model = this.model = this.modelAt(this.shapeSlider.value);
    const found = this.found = transitionOf(model);
    const width = Math.max(found.spinodal - 1, this.parabola ? 0.06 : 0.01);
    const range = [1 - 1.2 * width, 1 + 1.8 * width];
    this.temperature.setRange(range);
    this.tracks(range);
    this.drawPlane();
    const q = this.reach(range[0]);
    this.potentialRange = this.parabola ? [-0.03 * q, Math.min(0.98, 1.25 * q)] : [-0.7 * q, 1.4 * q];
    this.scale = 0.1 * Math.max(-model.potential(this.lowestAt(1 - 0.6 * width), 1 - 0.6 * width), 1e-6);
    this.state = clamp(this.state, model.low, model.high);
    this.trail = [];
    this.readouts.set("kind", found.jump ? "jump" : "continuous", found.jump ? "a jump" : "continuous");
    this.readouts.set("coexistence", found.coexistence, written(found.coexistence, 6));
    this.readouts.set("spinodal", found.spinodal, written(found.spinodal, 6));
    this.readouts.set("rate-jump", found.rate);
    this.readouts.set("lag", found.spinodal - 1, found.jump ? `1 … ${written(found.spinodal, 4)}` : "none");
    this.caption.textContent = this.words();
  }

  words() {
    if (!this.parabola) {
      return "Encoder and decoder are free; F is the Landau polynomial through order 4: true near T = 1, for small amplitudes. Any skewness " +
        "makes a jump into a width-coded state: KL > 0 although M² = 0. Along a, where such a state is flat, order 4 does not decide its stability.";
    }
    const c = this.curvature.value;
    const tilt = c > Math.SQRT1_2
      ? " Beyond c = 1/√2 the second coordinate has the larger variance: an encoder that sees it starts there."
      : c > 0.4395 ? " An encoder that sees both coordinates does better by tilting (beyond c ≈ 0.4395)." : "";
    return "Data x = (u, c(u² − 1)), u normal; exact for an encoder that sees u only and a free decoder. " +
      `${c <= 0.5 ? "Up to c = ½ nothing jumps." : "Beyond c = ½ the latent jumps."}${tilt}`;
  }

  /** The lowest state at a temperature, of those a slow change can reach. */
  lowestAt(T) {
    const {model} = this;
    const slope = (q) => model.slope(q, T);
    const far = model.side > 0 ? model.high : model.low;
    const states = [slideDown(slope, 0, model.low, model.high), slideDown(slope, far, model.low, model.high)];
    return model.potential(states[0], T) <= model.potential(states[1], T) ? states[0] : states[1];
  }

  /** How far from collapse the states get at a temperature, as a size. */
  reach(T) {
    return Math.max(Math.abs(this.lowestAt(T)), Math.abs(this.found.fold) * 1.4, 0.08);
  }

  /** The states that a slow cooling and a slow heating go through. */
  tracks([low, high]) {
    const {model} = this;
    const walk = (temperatures) => {
      return temperatures.map((T) => {
        q = slideDown((x) => model.slope(x, T), q, model.low, model.high);
        return [T, model.rate(q, T)];
      });
    };
    const {spinodal} = this.found;
    // Close enough for a jump to be drawn upright, far enough for the well to be wider than a stride of the search.
    const edge = (at) => [at * (1 - 5e-5), at * (1 + 5e-5)];
    let q = 0;
    const up = [...evenly(low, high, 120), ...edge(spinodal), ...edge(1)].sort((a, b) => a - b);
    this.cooling = walk(up.slice().reverse()).reverse();
    this.heating = walk(up); // from where the cooling has led
    const top = Math.max(...this.heating.map(([, nats]) => nats));
    this.loop.setRanges([low, high], [-0.03 * top, 1.08 * top]);
    this.loop.curve("cooling", this.cooling, {class: "line cold"});
    this.loop.curve("heating", this.heating, {class: "line hot"});
    this.loop.upright("coexistence", this.found.coexistence, {class: "threshold"});
    this.loop.note("coexistence-label", this.found.coexistence, 1.08 * top, this.found.jump ? "T*" : "T = λ", {dx: 4, dy: 14});
    const at = (branch, T) => branch[clamp(branch.findIndex(([x]) => x >= T), 0, branch.length - 1)][1];
    this.loop.hide("hot-label");
    if (this.found.jump) {
      const middle = 1 + 0.35 * (spinodal - 1);
      this.loop.note("hot-label", middle, at(this.heating, middle), "heating →", {class: "note hot", dx: 8, dy: -6});
      this.loop.note("cold-label", (1 + spinodal) / 2, 0, "← cooling", {class: "note cold", dx: 0, dy: -8, "text-anchor": "middle"});
    } else {
      const early = low + 0.15 * (high - low);
      this.loop.note("cold-label", early, at(this.cooling, early), "cooling and heating alike", {class: "note cold", dx: 8, dy: -6, "text-anchor": "start"});
    }
  }

  drawPlane() {
    const {input, low, high} = {input: this.shapeSlider.input, low: this.shapeSlider.low, high: this.shapeSlider.high};
    const values = evenly(low, high, 81);
    const rows = values.map((value) => [value, transitionOf(this.modelAt(value))]);
    const top = Math.max(1.02, ...rows.map(([, at]) => at.spinodal));
    this.plane.x.label = input.id === "curvature" ? "curvature c of the parabola" : "skewness κ₃";
    this.plane.setRanges([low, high], [1 - 0.45 * (top - 1), 1 + 1.15 * (top - 1)]);
    this.plane.drawAxes();
    const outline = [...rows.map(([x, at]) => [x, at.spinodal]), ...rows.map(([x]) => [x, 1]).reverse()];
    this.plane.curve("two-minima", outline, {class: "region"});
    this.plane.curve("spinodal", rows.map(([x, at]) => [x, at.spinodal]), {class: "line hot dashed"});
    this.plane.curve("below", [[low, 1], [high, 1]], {class: "line cold dashed"});
    this.plane.curve("coexistence", rows.map(([x, at]) => [x, at.coexistence]), {class: "line strong"});
    const x = low + 0.04 * (high - low);
    this.plane.note("collapsed", x, 1 + 0.95 * (top - 1), "collapsed", {});
    this.plane.note("active", x, 1 - 0.32 * (top - 1), "active", {});
    const right = rows[rows.length - 1][1];
    if (right.jump) {
      this.plane.note("name-spinodal", high, right.spinodal, "T_s", {class: "note hot", "text-anchor": "end", dx: -4, dy: -6});
      this.plane.note("name-coexistence", high, right.coexistence, "T*", {"text-anchor": "end", dx: -4, dy: 16});
    }
  }

  render() {
    const {model, found} = this;
    const T = this.temperature.value;
    this.follow(T);
    const q = this.state, nats = model.rate(q, T), excess = model.potential(q, T);
    this.readouts.set("branch-signal", model.signal(q, T));
    this.readouts.set("branch-rate", nats);
    this.readouts.set("branch-excess", excess);
    this.renderWell(T);
    // Heating and cooling in their colours: a piece belongs to the direction in which it was passed.
    const passed = (warmer) => this.trail.flatMap(([at, rate], i) => {
      const [before] = this.trail[i - 1] ?? [at];
      return warmer === at > before && at !== before ? [null, this.trail[i - 1], [at, rate]] : [];
    });
    this.loop.curve("trail-cold", passed(false), {class: "trail cold"});
    this.loop.curve("trail-hot", passed(true), {class: "trail hot"});
    this.loop.upright("now", T, {class: "now"});
    this.loop.dot("state", T, nats, {class: "spot current", r: 6});
    this.plane.dot("state", this.shapeSlider.value, T, {class: "spot current", r: 6});
    const metastable = found.jump && T > 1 && T < found.spinodal && (q === 0 ? T < found.coexistence : T > found.coexistence);
    this.announcer.say(`T over λ ${written(T)}: ${Math.abs(nats) > 0 ? `active, rate ${written(nats, 3)} nats` : "collapsed"}${metastable ? ", metastable" : ""}.`);
  }

  /** Go from the last temperature to the next in small steps, as a slow change would, and keep the trail. */
  follow(T) {
    const {model} = this;
    const from = this.trail.length ? this.trail[this.trail.length - 1][0] : T;
    const span = this.temperature.high - this.temperature.low;
    for (const at of evenly(from, T, 1 + Math.max(1, Math.ceil(200 * Math.abs(T - from) / span))).slice(1)) {
      this.state = slideDown((q) => model.slope(q, at), this.state, model.low, model.high);
      this.trail.push([at, model.rate(this.state, at)]);
    }
    this.trail = this.trail.slice(-1800);
  }

  renderWell(T) {
    const {model} = this;
    const [low, high] = model.side > 0 ? this.potentialRange : this.potentialRange.map((x) => -x).reverse();
    const deepest = model.potential(this.lowestAt(T), T), barrier = model.potential(this.found.fold, T);
    const size = Math.max(this.scale, -1.15 * deepest, 1.5 * barrier);
    this.potential.x.label = model.coordinate;
    this.potential.setRanges([low, high], [-size, size]);
    this.potential.curve("well", evenly(Math.max(low, model.low), high, 161).map((q) => [q, model.potential(q, T)]), {class: "line strong bold"});
    this.potential.across("zero", 0, {class: "threshold"});
    const lowest = this.lowestAt(T);
    this.potential.dot("lowest", lowest, deepest, {class: "spot hollow strong", r: 9});
    this.potential.dot("state", this.state, model.potential(this.state, T), {class: "spot current", r: 6});
    this.potential.legend([["● the state", "current"], ["○ the lowest minimum", ""]]);
  }
}
