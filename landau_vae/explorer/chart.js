// A chart in SVG: axes, curves, bars and marks with names, so that a move of a slider changes attributes and no more.
// Whoever hovers, or focuses a chart and presses the arrow keys, reads values.

const SVG = "http://www.w3.org/2000/svg";
const LEGEND_LINE = 15;

function element(kind, attributes = {}, ...children) {
  const node = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function shape(kind, attributes = {}, text = null) {
  const node = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) writeText(node, text);
  return node;
}

/** Put text into a node; a letter after an underscore becomes its subscript. */
function writeText(node, text) {
  const pieces = text.split(/_(\w)/);
  const inSvg = node.namespaceURI === SVG;
  node.replaceChildren(...pieces.flatMap((piece, i) => {
    if (i % 2 === 0) {
      if (!inSvg || i === 0) return piece ? [piece] : [];
      return piece ? [shape("tspan", {dy: -3}, piece)] : [];
    }
    return [inSvg ? shape("tspan", {dy: 3, "font-size": "0.75em"}, piece) : element("sub", {}, piece)];
  }));
}

const tip = element("div", {class: "tip", role: "status", "aria-live": "polite", hidden: true});

class Axis {
  constructor({label, range = [0, 1], log = false, ticks = true}) {
    Object.assign(this, {label, log, ticks, unit: ""});
    this.setRange(...range);
  }

  setRange(low, high) {
    [this.low, this.high] = [low, high];
    this.start = this.log ? Math.log(low) : low;
    this.span = (this.log ? Math.log(high) : high) - this.start;
  }

  /** Position between 0 and 1. */
  share(value) {
    return ((this.log ? Math.log(value) : value) - this.start) / this.span;
  }

  valueAt(share) {
    const inner = this.start + share * this.span;
    return this.log ? Math.exp(inner) : inner;
  }

  marks() {
    return this.log ? this.decades() : this.round();
  }

  decades() {
    const found = [];
    const wide = this.span > Math.log(300);
    const every = Math.max(1, Math.ceil(this.span / Math.log(10) / 7));
    for (let power = Math.floor(Math.log10(this.low)); power <= Math.log10(this.high) + 1e-9; power += 1) {
      for (const digit of wide ? [1] : [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (wide && power % every !== 0) continue;
        if (value < this.low * (1 - 1e-9) || value > this.high * (1 + 1e-9)) continue;
        const small = Math.abs(power) > 2;
        const text = small ? `${digit === 1 ? "" : `${digit}·`}10${superscript(power)}` : String(Number(value.toPrecision(2)));
        found.push([value, text]);
      }
    }
    return found;
  }

  round() {
    const size = Math.max(Math.abs(this.low), Math.abs(this.high));
    const power = size < 0.02 ? Math.floor(Math.log10(size)) : 0;
    this.unit = power ? ` [10${superscript(power)}]` : "";
    const scale = 10 ** power;
    const rough = this.span / scale / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 2.5, 5, 10].find((factor) => unit * factor >= rough * (1 - 1e-9));
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (Math.abs(step / unit - 2.5) < 1e-9 ? 1 : 0));
    const found = [];
    for (let i = Math.ceil(this.low / scale / step - 1e-9); i * step * scale <= this.high + 1e-9 * this.span; i += 1) {
      found.push([i * step * scale, (i * step).toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1")]);
    }
    return found;
  }
}

class Chart {
  /** `host`: the figure that holds it; `describe(x, y)`: lines of text at a point, or null; `legend`: lines kept for one. */
  constructor(host, {title, x, y, describe = null, legend = 0, width = 420, height = 232}) {
    Object.assign(this, {width, height, describe, title});
    this.box = {left: 60, right: width - 14, top: 28 + LEGEND_LINE * legend, bottom: height - 42};
    this.x = new Axis(x);
    this.y = new Axis(y);
    this.parts = new Map();
    this.svg = shape("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0, "aria-label": `${title}; the arrow keys read values`});
    this.frame = this.svg.appendChild(shape("g", {class: "axes"}));
    const clip = `clip-${Chart.count += 1}`;
    const {left, right, top, bottom} = this.box;
    const area = shape("clipPath", {id: clip});
    area.append(shape("rect", {x: left, y: top, width: right - left, height: bottom - top}));
    this.svg.append(area);
    this.plot = this.svg.appendChild(shape("g", {"clip-path": `url(#${clip})`}));
    this.above = this.svg.appendChild(shape("g"));
    this.pointer = this.svg.appendChild(shape("line", {class: "pointer", y1: top, y2: bottom, visibility: "hidden"}));
    host.append(this.svg);
    this.svg.append(shape("text", {x: left, y: 17, class: "title"}, title));
    this.drawAxes();
    if (describe) this.listen();
  }

  px(value) {
    return this.box.left + this.x.share(value) * (this.box.right - this.box.left);
  }

  py(value) {
    return this.box.bottom - this.y.share(value) * (this.box.bottom - this.box.top);
  }

  /** Change the ranges; draw the axes again only if they changed. */
  setRanges(x, y) {
    const same = this.x.low === x[0] && this.x.high === x[1] && this.y.low === y[0] && this.y.high === y[1];
    if (same) return;
    this.x.setRange(...x);
    this.y.setRange(...y);
    this.drawAxes();
  }

  drawAxes() {
    const {left, right, top, bottom} = this.box;
    const nodes = [];
    const tick = (x, y, text, anchor) => nodes.push(shape("text", {x, y, "text-anchor": anchor}, text));
    for (const [value, text] of this.x.ticks ? this.x.marks() : []) {
      const at = this.px(value);
      nodes.push(shape("line", {x1: at, x2: at, y1: top, y2: bottom, class: "grid"}));
      tick(at, bottom + 15, text, "middle");
    }
    for (const [value, text] of this.y.ticks ? this.y.marks() : []) {
      const at = this.py(value);
      nodes.push(shape("line", {x1: left, x2: right, y1: at, y2: at, class: "grid"}));
      tick(left - 6, at + 4, text, "end");
    }
    nodes.push(shape("path", {d: `M${left},${top}V${bottom}H${right}`, class: "axis"}));
    nodes.push(shape("text", {x: (left + right) / 2, y: this.height - 8, "text-anchor": "middle", class: "label"}, this.x.label + this.x.unit));
    const middle = (top + bottom) / 2;
    nodes.push(shape("text", {transform: `translate(12,${middle}) rotate(-90)`, "text-anchor": "middle", class: "label"}, this.y.label + this.y.unit));
    this.frame.replaceChildren(...nodes);
  }

  /** The part of that name, made on first use; `layer` "above" is not clipped. */
  part(name, kind, layer = this.plot) {
    let node = this.parts.get(name);
    if (!node) {
      node = layer.appendChild(shape(kind));
      this.parts.set(name, node);
    }
    return node;
  }

  set(node, attributes) {
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  /** Curve through [x, y] pairs; a null starts a new piece. */
  curve(name, points, attributes = {}) {
    let path = "", pen = "M";
    for (const point of points) {
      if (point === null) {
        pen = "M";
        continue;
      }
      path += `${pen}${this.px(point[0]).toFixed(2)},${this.py(point[1]).toFixed(2)}`;
      pen = "L";
    }
    return this.set(this.part(name, "path"), {d: path, fill: "none", ...attributes});
  }

  dot(name, x, y, attributes = {}) {
    return this.set(this.part(name, "circle"), {cx: this.px(x), cy: this.py(y), r: 5, ...attributes});
  }

  bar(name, left, right, bottom, top, attributes = {}) {
    const [x1, x2] = [this.px(left), this.px(right)];
    const [y1, y2] = [this.py(bottom), this.py(top)];
    return this.set(this.part(name, "rect"), {x: x1, width: x2 - x1, y: y2, height: Math.max(y1 - y2, 0), ...attributes});
  }

  across(name, y, attributes = {}) {
    const at = this.py(y);
    return this.set(this.part(name, "line"), {x1: this.box.left, x2: this.box.right, y1: at, y2: at, ...attributes});
  }

  upright(name, x, attributes = {}) {
    const at = this.px(x);
    return this.set(this.part(name, "line"), {x1: at, x2: at, y1: this.box.top, y2: this.box.bottom, ...attributes});
  }

  /** An ellipse with its half axes in units of the axes. */
  ellipse(name, x, y, across, up, attributes = {}) {
    const rx = Math.abs(this.px(x + across) - this.px(x)), ry = Math.abs(this.py(y + up) - this.py(y));
    return this.set(this.part(name, "ellipse"), {cx: this.px(x), cy: this.py(y), rx, ry, fill: "none", ...attributes});
  }

  note(name, x, y, text, attributes = {}) {
    const node = this.set(this.part(name, "text", this.above), {x: this.px(x), y: this.py(y), class: "note", ...attributes});
    if (node.dataset.text !== text) {
      node.dataset.text = text;
      writeText(node, text);
    }
    return node;
  }

  /** Lines of [text, class] between title and plot, where no curve can lie under them. */
  legend(...lines) {
    lines.forEach((entries, i) => {
      const node = this.set(this.part(`legend-${i}`, "text", this.above), {x: this.box.left, y: 19 + LEGEND_LINE * (i + 1)});
      node.replaceChildren(...entries.map(([text, kind], k) => shape("tspan", {class: `note ${kind}`, dx: k ? 16 : 0}, text)));
    });
  }

  hide(name) {
    this.parts.get(name)?.remove();
    this.parts.delete(name);
  }

  listen() {
    this.svg.addEventListener("pointermove", (event) => {
      const bounds = this.svg.getBoundingClientRect();
      const scale = this.width / bounds.width;
      this.point((event.clientX - bounds.left) * scale, (event.clientY - bounds.top) * scale, event.clientX, event.clientY);
    });
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("keydown", (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (event.key === "Escape") this.leave();
      if (!step) return;
      event.preventDefault();
      const {left, right, top, bottom} = this.box;
      this.cursor = clamp((this.cursor ?? (left + right) / 2) + step * (right - left) / 40, left, right);
      const bounds = this.svg.getBoundingClientRect();
      const scale = bounds.width / this.width;
      const middle = (top + bottom) / 2;
      this.point(this.cursor, middle, bounds.left + this.cursor * scale, bounds.top + middle * scale);
    });
  }

  /** Show what is at a place of the drawing, in a box beside a place of the window. */
  point(x, y, clientX, clientY) {
    const {left, right, top, bottom} = this.box;
    if (x < left || x > right || y < top || y > bottom) {
      this.leave();
      return;
    }
    this.cursor = x;
    const lines = this.describe(this.x.valueAt((x - left) / (right - left)), this.y.valueAt((bottom - y) / (bottom - top)));
    if (!lines) {
      this.leave();
      return;
    }
    this.set(this.pointer, {x1: x, x2: x, visibility: "visible"});
    tip.replaceChildren(...lines.map((line) => element("div", {}, line)));
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(4, Math.min(clientX + 14, room))}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, window.innerHeight - tip.offsetHeight - 4))}px`;
  }

  leave() {
    this.pointer.setAttribute("visibility", "hidden");
    tip.hidden = true;
  }
}
Chart.count = 0;
