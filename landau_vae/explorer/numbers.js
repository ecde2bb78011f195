// Numbers: how they are written for people, and the few searches that the pictures need.

const SUPERSCRIPTS = {"-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹"};

function superscript(integer) {
  return [...String(integer)].map((character) => SUPERSCRIPTS[character]).join("");
}

/** A number with so many digits; powers of ten outside 10⁻³ … 10⁵. */
function written(x, digits = 4) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : Number.isNaN(x) ? "–" : "−∞";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) return String(Number(x.toPrecision(digits))).replace("-", "−");
  const [mantissa, power] = x.toExponential(Math.max(digits - 2, 0)).split("e");
  return `${mantissa.replace("-", "−")} × 10${superscript(Number(power))}`;
}

/** `count` numbers from low to high, evenly spaced, ends included. */
function evenly(low, high, count) {
  return Array.from({length: count}, (_, i) => low + (high - low) * i / (count - 1));
}

/** The same on a logarithmic scale. */
function logarithmically(low, high, count) {
  return evenly(Math.log(low), Math.log(high), count).map(Math.exp);
}

function clamp(x, low, high) {
  return Math.min(Math.max(x, low), high);
}

/** Where a function that is negative at `low` and positive at `high` changes sign, to the last bit. */
function rootBetween(rising, low, high) {
  for (let i = 0; i < 200; i += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (rising(middle) < 0) low = middle; else high = middle;
  }
  return (low + high) / 2;
}

/** Where a function with one maximum between the ends has it, by golden section. */
function highestBetween(f, low, high) {
  const share = (Math.sqrt(5) - 1) / 2;
  let left = high - share * (high - low), right = low + share * (high - low);
  let atLeft = f(left), atRight = f(right);
  for (let i = 0; i < 80; i += 1) {
    if (atLeft < atRight) {
      [low, left, atLeft] = [left, right, atRight];
      right = low + share * (high - low);
      atRight = f(right);
    } else {
      [high, right, atRight] = [right, left, atLeft];
      left = high - share * (high - low);
      atLeft = f(left);
    }
  }
  return (low + high) / 2;
}

/** Where a state slides to, downhill from `start`, until the slope changes sign or a wall stops it. */
function slideDown(slope, start, low, high) {
  const first = slope(start);
  if (first === 0) return start;
  const stride = (first > 0 ? -1 : 1) * (high - low) / 500;
  let here = start;
  for (;;) {
    const next = clamp(here + stride, low, high);
    if (next === here) return here;
    const there = slope(next);
    if (there === 0) return next;
    if (there > 0 !== first > 0) {
      const found = first > 0 ? rootBetween(slope, next, here) : rootBetween(slope, here, next);
      // Collapse is a root at exactly 0, which halving only approaches.
      return Math.abs(found) < 1e-12 * (high - low) ? 0 : found;
    }
    here = next;
  }
}
