// Third tab: the user's β, in the way the user writes the loss. Every convention is one temperature T.

class ConventionView {
  constructor(root, data) {
    Object.assign(this, {root, data});
    this.range = temperatureRange(data, 1e-6);
    const controls = root.querySelector(".controls");
    this.makeList(root.querySelector(".conventions"));
    this.beta = new Slider(controls, {id: "beta", label: "Your β", range: [0.1, 1], value: 0.5, log: true, changed: () => this.changed()});
    this.latents = this.number(controls, "latents", "Latents K", data.latents, 1, 1);
    this.batch = this.number(controls, "batch", "Batch B", 128, 1, 1);
    this.variance = this.number(controls, "decoder-variance", "η²", 1, "any", 1e-12);
    this.keep = new Slider(controls, {
      id: "keep", label: "Keep k modes", range: [0, Math.min(data.latents, data.live)], step: 1, value: Math.min(3, data.latents, data.live), show: String,
      changed: () => this.changed(),
    });
    this.apply = controls.appendChild(element("button", {type: "button", id: "use-keep", onclick: () => this.moveToKept()}, "Set β to it"));
    this.readouts = new Readouts(root.querySelector(".numbers"), [
      ["beta-temperature", "temperature T", "in units of data variance"],
      ["beta-t", "t = T/V"],
      ["beta-active", "active modes"],
      ["beta-rate", "rate (nats)"],
      ["beta-distortion", "distortion / V"],
      ["beta-lower", "keep k: β from", "the chosen number of modes is kept from here …"],
      ["beta-upper", "keep k: β below", "… to here"],
      ["beta-suggestion", "keep k: use β =", "well inside that interval"],
    ]);
    this.announcer = new Announcer(root);
    this.bars = new Chart(root.querySelector('[data-view="ladder"]'), {
      title: "β up to which each mode is kept", x: {label: "mode k", range: [0.4, 1], ticks: false}, y: {label: "threshold β_k", range: [0.1, 1], log: true}, height: 468,
      describe: (x) => {
        const k = clamp(Math.round(x), 1, this.shown) - 1, λ = data.eigenvalues[k];
        return [`mode ${k + 1}: kept while β < ${written(this.betaOf(λ))}`, `λ = ${written(λ)}`];
      },
    });
    this.stairs = new Chart(root.querySelector('[data-view="stairs"]'), {
      title: "what each β gives", x: {label: "β in your loss", range: [0.1, 1], log: true}, y: {label: "share", range: [0, 1.05]}, height: 468, legend: 2,
      describe: (β) => {
        const at = equilibriumAt(data, this.temperatureOf(β), this.latents.valueAsNumber);
        return [`β = ${written(β)}`, `${at.active} active, rate ${written(at.rate)} nats`, `distortion / V = ${written(at.distortion / data.variance)}`];
      },
    });
    this.choose(conventions.find((one) => one.name === "sse"), Math.sqrt(this.range[0] * this.range[1]));
  }

  makeList(host) {
    this.outputs = new Map();
    for (const one of conventions) {
      const id = `convention-${one.name}`;
      const radio = element("input", {type: "radio", name: "convention", id, value: one.name, onchange: () => timed(() => this.choose(one, this.temperature))});
      const output = element("output", {class: "beta", "data-key": id});
      this.outputs.set(one.name, output);
      host.append(element("div", {class: "convention"}, radio, element("label", {for: id}, this.data.meanings[one.name], element("code", {}, one.code)), output));
    }
  }

  number(host, id, label, value, step, min) {
    const input = element("input", {type: "number", id, value, step, min, oninput: () => timed(() => this.sized())});
    host.append(element("div", {class: "number"}, element("label", {for: id}, label), input));
    return input;
  }

  /** The sizes that the conversions may need. */
  get sizes() {
    const {latents, batch, variance} = this;
    return {features: this.data.eigenvalues.length, latents: latents.valueAsNumber, batch: batch.valueAsNumber, decoderVariance: variance.valueAsNumber};
  }

  temperatureOf(β, one = this.convention) {
    return one.temperature(β, ...one.sizes.map((size) => this.sizes[size]));
  }

  betaOf(T, one = this.convention) {
    return one.beta(T, ...one.sizes.map((size) => this.sizes[size]));
  }

  get temperature() {
    return this.temperatureOf(this.beta.value);
  }

  /** Another way to write the loss: the same temperature, another β. */
  choose(one, T) {
    this.convention = one;
    this.root.querySelector(`#convention-${one.name}`).checked = true;
    this.beta.setRange(this.range.map((end) => this.betaOf(end)), this.betaOf(T));
    this.drawOnce();
    this.render();
  }

  /** Another size: your β stays what it is, as far as the range allows, and means another temperature. */
  sized() {
    const ok = [this.latents, this.batch, this.variance].every((input) => {
      const good = input.checkValidity() && input.valueAsNumber > 0;
      input.setAttribute("aria-invalid", String(!good));
      return good;
    });
    if (!ok) return;
    const most = Math.min(this.latents.valueAsNumber, this.data.live);
    this.keep.setRange([0, most]);
    this.beta.setRange(this.range.map((end) => this.betaOf(end)));
    this.drawOnce();
    this.render();
  }

  changed() {
    timed(() => this.render());
  }

  get shown() {
    return Math.min(this.latents.valueAsNumber, this.data.live, MOST_BARS);
  }

  drawOnce() {
    const {data, range} = this;
    const K = this.latents.valueAsNumber;
    const betas = range.map((T) => this.betaOf(T));
    this.bars.setRanges([0.4, this.shown + 0.6], [betas[0] / 2, betas[1] * 4 / 3]);
    for (let k = 0; k < MOST_BARS; k += 1) {
      if (k >= this.shown) {
        for (const part of ["bar", "name"]) this.bars.hide(`${part}-${k}`);
      } else if (this.shown <= 15 || k === 0 || (k + 1) % 5 === 0) {
        this.bars.note(`name-${k}`, k + 1, this.bars.y.low, String(k + 1), {"text-anchor": "middle", dy: 15, class: "note tick"});
      }
    }
    this.stairs.setRanges(betas, [0, 1.05]);
    const kinks = data.eigenvalues.slice(0, Math.min(K, 200)).filter((λ) => λ > range[0]);
    const temperatures = [...logarithmically(...range, 200), ...kinks.flatMap((λ) => [λ * (1 - 1e-9), λ])].sort((a, b) => a - b);
    const rows = temperatures.map((T) => [this.betaOf(T), equilibriumAt(data, T, K)]);
    const coldest = rows[0][1];
    this.most = {active: Math.max(coldest.active, 1), rate: coldest.rate || 1};
    this.stairs.curve("active", rows.map(([β, at]) => [β, at.active / this.most.active]), {class: "line mode-0"});
    this.stairs.curve("rate", rows.map(([β, at]) => [β, at.rate / this.most.rate]), {class: "line hot dashed"});
    this.stairs.curve("distortion", rows.map(([β, at]) => [β, at.distortion / data.variance]), {class: "line strong"});
    this.stairs.legend(
      [[`── active modes (of ${this.most.active})`, "mode-0"], [`╌╌ rate (of ${written(this.most.rate, 3)} nats)`, "hot"]],
      [["── distortion / V", ""]],
    );
  }

  /** The interval of T that keeps exactly k modes: T_{k+1} ≤ T < T_k. */
  kept(k) {
    const thresholds = this.data.eigenvalues.slice(0, Math.min(this.latents.valueAsNumber, this.data.live));
    const upper = k === 0 ? Infinity : thresholds[k - 1], lower = thresholds[k] ?? 0;
    const suggestion = upper === Infinity ? 2 * lower : lower === 0 ? upper / 2 : Math.sqrt(lower) * Math.sqrt(upper);
    return {lower, upper, suggestion};
  }

  moveToKept() {
    this.beta.value = this.betaOf(this.kept(this.keep.value).suggestion);
    this.changed();
  }

  render() {
    const {data} = this;
    const T = this.temperature, β = this.beta.value, K = this.latents.valueAsNumber;
    const at = equilibriumAt(data, T, K);
    this.readouts.set("beta-temperature", T);
    this.readouts.set("beta-t", T / data.variance);
    this.readouts.set("beta-active", at.active, `${at.active} of ${Math.min(K, data.eigenvalues.length)}`);
    this.readouts.set("beta-rate", at.rate);
    this.readouts.set("beta-distortion", at.distortion / data.variance);
    const kept = this.kept(this.keep.value);
    this.readouts.set("beta-lower", this.betaOf(kept.lower));
    this.readouts.set("beta-upper", kept.upper === Infinity ? Infinity : this.betaOf(kept.upper));
    this.readouts.set("beta-suggestion", this.betaOf(kept.suggestion));
    for (const one of conventions) {
      const value = this.betaOf(T, one), output = this.outputs.get(one.name);
      output.dataset.value = String(value);
      output.textContent = `β = ${written(value)}`;
    }
    for (const [input, size] of [[this.latents, null], [this.batch, "batch"], [this.variance, "decoderVariance"]]) {
      input.parentElement.classList.toggle("unused", size !== null && !this.convention.sizes.includes(size));
    }
    for (let k = 0; k < this.shown; k += 1) {
      const λ = data.eigenvalues[k];
      this.bars.bar(`bar-${k}`, k + 0.6, k + 1.4, this.bars.y.low, Math.max(this.betaOf(λ), this.bars.y.low), {class: `bar ${λ > T ? "signal" : "dead"}`});
    }
    this.bars.across("level", β, {class: "now"});
    this.bars.note("level-label", this.shown + 0.6, β, "your β", {class: "note current", "text-anchor": "end", dy: -5});
    this.stairs.upright("now", β, {class: "now"});
    this.stairs.dot("dot-active", β, at.active / this.most.active, {class: "spot mode-0"});
    this.stairs.dot("dot-rate", β, at.rate / this.most.rate, {class: "spot hot", r: 4});
    this.stairs.dot("dot-distortion", β, at.distortion / data.variance, {class: "spot strong"});
    this.announcer.say(`β ${written(β)} is temperature ${written(T)}: ${at.active} modes active, rate ${written(at.rate)} nats.`);
  }
}
