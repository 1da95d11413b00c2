// plot.js: what all charts have in common: colours, axes, size, paper, and drawing again when one of these changes.

const ROLES = ["new", "old"];
const PAPER = { width: 690, scale: 2 }; // A4 and Letter less margins, in CSS pixels; drawn larger to be sharp in print

const paper = matchMedia("print");
let printing = paper.matches;
document.documentElement.toggleAttribute("data-paper", printing);

const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "muted", "line", "new", "old", "new-soft", "old-soft", "between"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
};

const timeLabels = (plot, splits, _axis, _space, increment) => splits.map((at, index) => {
  if (increment >= 86400) return day(at).slice(5);
  const text = increment < 60 ? clock(at) : clock(at).slice(0, 5);
  const newDay = index === 0 || day(at) !== day(splits[index - 1]);
  return newDay && day(plot.scales.x.min) !== day(plot.scales.x.max) ? `${text}\n${day(at).slice(5)}` : text;
});

/** A chart in its place. `describe(brush)` gives uPlot's options and data, anew for every drawing;
    `onzoom({min, max} or null)` hears what part of the time is looked at. */
class Plot {
  static all = [];

  constructor(place, describe, onzoom = null) {
    Object.assign(this, { place, describe, onzoom, plot: null, width: 0, zoomed: null });
    Plot.all.push(this);
    this.draw();
    this.watcher = new ResizeObserver(() => requestAnimationFrame(() => {
      if (!printing && this.plot && this.place.clientWidth !== this.width) this.draw();
    }));
    this.watcher.observe(place);
  }

  /** With `whole`, all of the time; else what was looked at before. */
  draw(whole = false) {
    if (whole) this.zoomed = null;
    this.plot?.destroy();
    const scale = printing ? PAPER.scale : 1;
    this.width = printing ? PAPER.width : this.place.clientWidth;
    const brush = {
      colours: colours(),
      scale,
      narrow: this.width < 560,
      width: this.width,
      font: (size, weight = 400) => `${weight} ${size * scale}px ${getComputedStyle(document.body).fontFamily}`,
    };
    const { options, data, height } = this.describe(brush);
    this.whole = [data[0][0], data[0].at(-1)];
    this.plot = new uPlot({
      width: this.width * scale,
      height: height * scale,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      legend: { show: false },
      ...options,
      hooks: { ...options.hooks, setScale: [(plot, key) => key === "x" && this.#remember(plot)] },
    }, data, this.place);
    if (this.zoomed) this.plot.setScale("x", this.zoomed);
  }

  #remember(plot) {
    const { min, max } = plot.scales.x;
    const [first, last] = this.whole;
    this.zoomed = min > first || max < last ? { min, max } : null;
    this.onzoom?.(this.zoomed);
  }

  destroy() {
    this.watcher.disconnect();
    this.plot.destroy();
    Plot.all.splice(Plot.all.indexOf(this), 1);
  }
}

const axis = (brush, more) => ({
  stroke: brush.colours.muted,
  font: brush.font(12),
  lineGap: 1.3,
  gap: 5 * brush.scale,
  grid: { stroke: brush.colours.line, width: brush.scale },
  ticks: { show: false },
  ...more,
});

const timeAxis = (brush) =>
  axis(brush, { values: timeLabels, space: 72 * brush.scale, size: 42 * brush.scale, gap: 9 * brush.scale, grid: { show: false } });

/** Draw on the canvas of a plot in its own pixels: `unit` of them are one CSS pixel. */
const paint = (brush, draw) => (plot) => {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([]); // uPlot leaves those of its last line
  draw(ctx, bbox, brush.scale * devicePixelRatio, plot);
  ctx.restore();
};

const write = (ctx, text, x, y, { colour, size, weight = 400, align = "left", baseline = "middle", unit }) => {
  ctx.font = `${weight} ${size * unit}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.fillStyle = colour;
  ctx.textAlign = align;
  ctx.textBaseline = baseline;
  ctx.fillText(text, x, y);
};

/** A swatch and a name for each policy. */
const legend = (policies) => element("p", { class: "policies" }, policies.map(({ role }) =>
  element("span", { class: "policy" }, element("span", { class: `swatch ${role}` }), `${role} policy`)));

const drawAgain = () => Plot.all.forEach((plot) => plot.draw());
const onPaper = (now) => {
  if (printing === now) return;
  printing = now;
  document.documentElement.toggleAttribute("data-paper", now);
  drawAgain();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
paper.addEventListener("change", (event) => onPaper(event.matches));
addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => onPaper(false));
