"use strict";
// text.js: elements, and numbers and times as a person reads them.

/** An element with attributes and children. Whatever comes out of a report becomes text, never markup. */
const element = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
};

const byId = (id) => document.getElementById(id);

/** A name that somebody else chose: kept apart from the direction of what stands around it. */
const named = (text) => element("bdi", {}, String(text));

const MINUS = "\u2212";
const THIN = "\u202f"; // a narrow space that does not break

const signed = (text) => text.replace("-", MINUS);

/** 1,234,567; from ten million on 12.3M. */
const count = (number) => {
  if (number == null) return "–";
  const shape = Math.abs(number) >= 1e7
    ? { notation: "compact", maximumSignificantDigits: 3 }
    : { maximumFractionDigits: 0 };
  return signed(new Intl.NumberFormat("en", shape).format(number));
};

/** A number with so many digits behind the point as are worth reading. */
const decimal = (number, digits = 1) =>
  number == null ? "–" : signed(new Intl.NumberFormat("en", { maximumFractionDigits: digits }).format(number));

const percent = (share) => {
  if (share == null) return "–";
  if (share > 0 && share < 0.001) return `<0.1${THIN}%`;
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)}${THIN}%`;
};

/** How the new figure differs from the old one: +3.1 %. */
const change = (now, before) => {
  if (now === before) return "no change";
  if (!before) return "old: none";
  const share = (now - before) / before;
  const text = Math.abs(share) < 0.0005 ? "<0.1" : (Math.abs(share) * 100).toFixed(1);
  return `${share < 0 ? MINUS : "+"}${text}${THIN}%`;
};

const money = (amount, currency, digits = 2) =>
  `${new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: digits }).format(amount)} ${currency}`;

const seconds = (number) => {
  if (number == null) return "–";
  return `${decimal(number, number < 10 ? 2 : number < 100 ? 1 : 0)}${THIN}s`;
};

/** 5 d 3 h, 3 h 20 min, 12 min, 40 s: the two largest units. */
const span = (number) => {
  let rest = Math.round(number ?? 0);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole) parts.push(`${whole}${THIN}${unit}`);
  }
  return parts.slice(0, 2).join(" ") || `0${THIN}s`;
};

const stamp = (epoch) => new Date(epoch * 1000).toISOString();
const day = (epoch) => stamp(epoch).slice(0, 10);
const clock = (epoch) => stamp(epoch).slice(11, 19);
const fromText = (text) => Date.parse(text) / 1000;

/** 2026-03-01 09:00 to 17:00 UTC; the second day where there is one. */
const period = (first, last) => {
  const to = day(first) === day(last) ? clock(last) : `${day(last)} ${clock(last)}`;
  return `${day(first)} ${clock(first)} to ${to} UTC`;
};

const several = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
