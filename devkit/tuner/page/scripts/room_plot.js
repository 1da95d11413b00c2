// room_plot.js: the interval of one room over time, under each policy, with its events.

const INTERVALS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const NEAR = 7; // pixels between the pointer and an event that is meant

/** Time and intervals as uPlot wants them: one column of times for all policies, the last interval carried on. */
const columns = (story) => {
  const times = [...new Set([story.start, ...story.steps.flat().map((step) => step.at), story.end])]
    .filter((at) => at >= story.start && at <= story.end)
    .sort((a, b) => a - b);
  return [times, ...story.steps.map((own) => times.map((at) => own[lastAt(own, at)]?.interval ?? null))];
};

const drawBounds = (brush, bounds) => paint(brush, (ctx, box, unit, plot) => {
  new Set(bounds.flatMap(({ min, max }) => [min, max])).forEach((bound) => {
    const y = Math.round(plot.valToPos(bound, "y", true));
    if (y < box.top || y > box.top + box.height) return;
    ctx.strokeStyle = brush.colours.muted;
    ctx.lineWidth = unit;
    ctx.setLineDash([unit, 3 * unit]);
    ctx.beginPath();
    ctx.moveTo(box.left, y);
    ctx.lineTo(box.left + box.width, y);
    ctx.stroke();
  });
});

/** Grey where the two policies stand apart. */
const drawBetween = (brush) => paint(brush, (ctx, box, unit, plot) => {
  const [times, one, other] = plot.data;
  if (!other) return;
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.width, box.height);
  ctx.clip();
  ctx.fillStyle = brush.colours.between;
  for (let index = 0; index + 1 < times.length; index += 1) {
    if (one[index] == null || other[index] == null || one[index] === other[index]) continue;
    const [x, end] = [times[index], times[index + 1]].map((at) => plot.valToPos(at, "x", true));
    const [y, foot] = [one[index], other[index]].map((value) => plot.valToPos(value, "y", true));
    ctx.fillRect(x, Math.min(y, foot), end - x, Math.abs(foot - y));
  }
});

const drawEvents = (brush, story) => paint(brush, (ctx, box, unit, plot) => {
  const foot = box.top + box.height;
  for (const row of story.rows) {
    const x = Math.round(plot.valToPos(row.at, "x", true)) + 0.5;
    if (x < box.left || x > box.left + box.width) continue;
    const changed = changesSomething(row);
    ctx.globalAlpha = changed ? 1 : 0.5;
    ctx.strokeStyle = changed ? brush.colours.ink : brush.colours.muted;
    ctx.lineWidth = unit;
    ctx.beginPath();
    ctx.moveTo(x, foot - (changed ? 11 : 5) * unit);
    ctx.lineTo(x, foot);
    ctx.stroke();
  }
});

const GAP = 15; // pixels from one line of text to the next

/** The lines say themselves whose they are, and what they end at; apart from each other where they end together. The bounds
    say what they are where that leaves them room. */
const drawNames = (brush, roles, bounds) => paint(brush, (ctx, box, unit, plot) => {
  const { max } = plot.scales.x;
  const [times, ...lines] = plot.data;
  const at = times.findLastIndex((time) => time <= max);
  const names = lines
    .map((line, policy) => ({ role: roles[policy], value: line[at], y: plot.valToPos(line[at] ?? 1, "y", true) }))
    .filter((name) => name.value != null)
    .sort((one, other) => one.y - other.y);
  const gap = GAP * unit;
  if (names.length === 2 && names[1].y - names[0].y < gap) {
    const middle = (names[0].y + names[1].y) / 2;
    names[0].y = middle - gap / 2;
    names[1].y = middle + gap / 2;
  }
  for (const { role, value, y } of names) {
    const text = roles.length > 1 ? `${role} ${value} s` : `${value} s`;
    write(ctx, text, box.left + box.width + 6 * unit, y, { colour: brush.colours[role], size: 12.5, weight: 600, unit });
  }
  const taken = names.map((name) => name.y);
  for (const [end, value] of bounds.flatMap((each) => Object.entries(each))) {
    const y = plot.valToPos(value, "y", true);
    if (y < box.top || y > box.top + box.height || taken.some((each) => Math.abs(each - y) < gap)) continue;
    taken.push(y);
    write(ctx, `${end} ${value} s`, box.left + box.width + 6 * unit, y, { colour: brush.colours.muted, size: 11, unit });
  }
});

const describeRoom = (story, policies, onpoint) => (brush) => {
  const data = columns(story);
  const values = data.slice(1).flat().filter((value) => value != null);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [1, 10];
  const reach = high / low; // on a logarithmic scale a factor is a distance: below the lines there is room for ticks
  const range = [low / Math.max(1.2, reach ** 0.16), high * Math.max(1.1, reach ** 0.06)];
  const roles = policies.map((policy) => policy.role);
  const bounds = policies.map((policy) => policy.bounds);
  const splits = INTERVALS.filter((value) => value >= range[0] && value <= range[1]);
  const line = (role) => ({
    stroke: brush.colours[role],
    width: (role === "old" ? 1.75 : 2) * brush.scale,
    dash: role === "old" ? [5 * brush.scale, 3 * brush.scale] : undefined,
    paths: uPlot.paths.stepped({ align: 1 }),
    points: { show: false },
  });
  return {
    data,
    height: brush.narrow ? 250 : 320,
    options: {
      padding: [12, roles.length > 1 ? 74 : 48, 0, 0].map((each) => each * brush.scale),
      scales: { y: { distr: 3, range: () => range } },
      axes: [
        timeAxis(brush),
        axis(brush, { size: 44 * brush.scale, splits: () => splits, filter: (_, all) => all, values: (_, all) => all }),
      ],
      series: [{}, ...roles.map(line)],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 8 } },
      hooks: {
        drawAxes: [drawBounds(brush, bounds), drawBetween(brush)],
        draw: [drawEvents(brush, story), drawNames(brush, roles, bounds)],
        setCursor: [onpoint],
      },
    },
  };
};

/** The chart of a room. `onmoment(at, row or null)` hears what is pointed at; null times mean nothing is. */
class RoomPlot {
  constructor(place, story, policies, { onmoment, onzoom }) {
    Object.assign(this, { place, story, onmoment, exact: null, at: null });
    this.plot = new Plot(place, describeRoom(story, policies, (plot) => this.#pointed(plot)), onzoom);
    this.ends = new AbortController();
    const { signal } = this.ends;
    place.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    place.addEventListener("pointermove", (event) => this.#touched(event), { signal });
  }

  destroy() {
    this.ends.abort();
    this.plot.destroy();
  }

  /** Point at a time, as the pointer would; what lies outside of what is looked at is moved into it. */
  point(at) {
    const { plot } = this.plot;
    const { min, max } = plot.scales.x;
    if (at < min || at > max) {
      const half = (max - min) / 2;
      plot.setScale("x", { min: at - half, max: at + half });
    }
    this.exact = at;
    plot.batch(() => plot.setCursor({ left: plot.valToPos(at, "x"), top: 1 }));
  }

  #pointed(plot) {
    const { left } = plot.cursor;
    if (left == null || left < 0) {
      if (this.exact != null || this.at == null) return;
      this.at = null;
      this.onmoment(null, null);
      return;
    }
    const pointed = this.exact ?? plot.posToVal(left, "x");
    const reach = this.exact == null ? plot.posToVal(left + NEAR, "x") - pointed : 0;
    this.exact = null;
    const row = this.#nearest(pointed, reach);
    this.at = row ? row.at : pointed;
    this.onmoment(this.at, row);
  }

  #nearest(at, reach) {
    const { rows } = this.story;
    const before = lastAt(rows, at);
    const near = [rows[before], rows[before + 1]].filter((row) => row && Math.abs(row.at - at) <= reach);
    return near.sort((one, other) => Math.abs(one.at - at) - Math.abs(other.at - at))[0] ?? null;
  }

  #touched(event) {
    if (event.pointerType === "mouse") return; // uPlot listens to the mouse itself
    const { plot } = this.plot;
    const { left, width } = plot.over.getBoundingClientRect();
    plot.setCursor({ left: Math.min(Math.max(event.clientX - left, 0), width), top: 1 });
  }

  #pressed(event) {
    const { moments } = this.story;
    const { plot } = this.plot;
    const at = this.at ?? plot.scales.x.min;
    const to = {
      ArrowRight: () => this.point(moments.find((each) => each > at) ?? at),
      ArrowLeft: () => this.point(moments.findLast((each) => each < at) ?? at),
      Home: () => this.point(moments[0] ?? at),
      End: () => this.point(moments.at(-1) ?? at),
      "+": () => this.#zoom(at, 0.5),
      "-": () => this.#zoom(at, 2),
      Escape: () => this.plot.draw(true),
    }[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    to();
  }

  #zoom(at, factor) {
    const { plot } = this.plot;
    const { min, max } = plot.scales.x;
    const [first, last] = this.plot.whole;
    const span = Math.min((max - min) * factor, last - first);
    const from = Math.min(Math.max(at - span / 2, first), last - span);
    if (span >= 1) plot.setScale("x", { min: from, max: from + span });
    this.point(at);
  }
}
