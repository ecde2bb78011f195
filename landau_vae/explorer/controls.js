// Controls: sliders with their values, play buttons, readouts, tabs. All are native elements.

/** A labelled range input. With `log` its positions are logarithms; `value` is always the number itself. */
class Slider {
  constructor(host, {id, label, range, value, step = "any", log = false, show = written, changed}) {
    Object.assign(this, {log, show, changed});
    this.input = element("input", {type: "range", id, step, oninput: () => this.moved()});
    this.output = element("output", {id: `${id}-value`, for: id});
    this.root = element("div", {class: "slider"}, element("label", {for: id}, label), this.input, this.output);
    host.append(this.root);
    this.setRange(range, value);
  }

  /** Change the ends; the value is kept as far as they allow. */
  setRange([low, high], value = this.value) {
    const inner = (x) => (this.log ? Math.log(x) : x);
    [this.low, this.high] = [low, high];
    this.input.min = inner(low);
    this.input.max = inner(high);
    this.value = clamp(value, low, high);
  }

  get value() {
    // The ends themselves, not what a logarithm and back makes of them.
    const inner = Number(this.input.value);
    return this.log ? clamp(Math.exp(inner), this.low, this.high) : inner;
  }

  set value(number) {
    this.input.value = this.log ? Math.log(number) : number;
    this.say();
  }

  say() {
    const text = this.show(this.value);
    this.output.textContent = text;
    this.output.dataset.value = String(this.value);
    this.input.setAttribute("aria-valuetext", text);
  }

  moved() {
    this.say();
    this.changed();
  }

  /** Where the slider is between its ends, 0 to 1. */
  get share() {
    return (Number(this.input.value) - Number(this.input.min)) / (Number(this.input.max) - Number(this.input.min));
  }

  set share(share) {
    this.input.value = Number(this.input.min) + share * (Number(this.input.max) - Number(this.input.min));
    this.moved();
  }
}

/** A button that moves a slider to and fro, `seconds` for one way; it starts in the direction `up`. */
class Player {
  constructor(host, slider, {id, seconds = 12, up = true}) {
    Object.assign(this, {slider, seconds, up, running: false});
    this.button = element("button", {type: "button", id, class: "play", "aria-pressed": "false", onclick: () => this.toggle()});
    host.append(this.button);
    this.label();
    slider.input.addEventListener("pointerdown", () => this.stop());
    slider.input.addEventListener("keydown", (event) => {
      if (event.key !== "Tab") this.stop();
    });
  }

  label() {
    this.button.textContent = this.running ? "❚❚ Pause" : "▶ Play";
    this.button.setAttribute("aria-pressed", String(this.running));
  }

  toggle() {
    if (this.running) this.stop(); else this.start();
  }

  start() {
    this.running = true;
    this.before = null;
    this.label();
    requestAnimationFrame((now) => this.frame(now));
  }

  stop() {
    if (!this.running) return;
    this.running = false;
    this.label();
  }

  frame(now) {
    if (!this.running) return;
    const passed = this.before === null ? 0 : Math.min((now - this.before) / 1000, 0.1);
    this.before = now;
    let share = this.slider.share + (this.up ? 1 : -1) * passed / this.seconds;
    if (share >= 1 || share <= 0) this.up = share <= 0;
    share = clamp(share, 0, 1);
    this.slider.share = share;
    requestAnimationFrame((then) => this.frame(then));
  }
}

/** A row of named numbers; each keeps its full digits in `data-value`. */
class Readouts {
  constructor(host, entries) {
    this.outputs = new Map();
    const list = element("dl", {class: "readouts"});
    for (const [key, label, hint] of entries) {
      const output = element("dd", {"data-key": key});
      this.outputs.set(key, output);
      const term = element("dt");
      writeText(term, label);
      list.append(element("div", {title: hint ?? ""}, term, output));
    }
    host.append(list);
  }

  set(key, value, text = written(value)) {
    const output = this.outputs.get(key);
    output.dataset.value = String(value);
    if (output.textContent !== text) output.textContent = text;
  }
}

/** Say a sentence to screen readers once the sliders have been still for a while. */
class Announcer {
  constructor(host) {
    this.node = element("p", {class: "unseen", "aria-live": "polite"});
    host.append(this.node);
  }

  say(sentence) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.node.textContent = sentence;
    }, 500);
  }
}

/** Tabs by the arrow keys, Home and End; `shown(id)` is called with the panel that appears. */
function wireTabs(shown) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen, focus) => {
    for (const tab of tabs) {
      const active = tab === chosen;
      tab.setAttribute("aria-selected", String(active));
      tab.tabIndex = active ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !active;
    }
    if (focus) chosen.focus();
    shown(chosen.getAttribute("aria-controls"));
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab, false));
    tab.addEventListener("keydown", (event) => {
      const last = tabs.length - 1;
      const target = {ArrowRight: i === last ? 0 : i + 1, ArrowLeft: i === 0 ? last : i - 1, Home: 0, End: last}[event.key];
      if (target === undefined) return;
      event.preventDefault();
      choose(tabs[target], true);
    });
  });
  choose(tabs[0], false);
}
