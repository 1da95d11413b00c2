// calls_plot.js: the most calls in any second, over time, one panel for each policy, against the limit.

const CALLS = [0, 5, 20, 50, 100, 200, 500, 1000];

/** So many buckets as there are columns to draw them in; the most of the most, so that no peak is lost. */
const thinned = ({ start, bucket_seconds: size, most }, places) => {
  const group = Math.max(1, Math.ceil(most.length / places));
  const times = [];
  const highest = [];
  for (let index = 0; index < most.length; index += group) {
    times.push(start + index * size);
    highest.push(most.slice(index, index + group).reduce((one, other) => Math.max(one, other), 0));
  }
  times.push(start + Math.max(most.length, 1) * size);
  highest.push(highest.at(-1) ?? 0);
  return [times, highest];
};

const drawLimit = (brush, limit) => paint(brush, (ctx, box, unit, plot) => {
  const y = Math.round(plot.valToPos(limit, "y", true)) + 0.5;
  ctx.strokeStyle = brush.colours.ink;
  ctx.lineWidth = 1.25 * unit;
  ctx.setLineDash([6 * unit, 4 * unit]);
  ctx.beginPath();
  ctx.moveTo(box.left, y);
  ctx.lineTo(box.left + box.width, y);
  ctx.stroke();
  write(ctx, `limit ${limit} a second`, box.left + box.width, y - 4 * unit,
    { colour: brush.colours.ink, size: 12, weight: 600, align: "right", baseline: "bottom", unit });
});

/** The highest bucket of what is looked at says how high it is, and when. */
const drawPeak = (brush, { role, calls_over_time: { start, bucket_seconds: size, most } }) =>
  paint(brush, (ctx, box, unit, plot) => {
    const { min, max } = plot.scales.x;
    const seen = most.map((value, index) => ({ value, at: start + index * size })).filter(({ at }) => at + size > min && at < max);
    const peak = seen.reduce((one, other) => (other.value > one.value ? other : one), { value: 0 });
    if (!peak.value) return;
    const x = Math.max(plot.valToPos(peak.at, "x", true), box.left);
    const y = plot.valToPos(peak.value, "y", true);
    const right = x > box.left + box.width * 0.6;
    write(ctx, `${peak.value} at ${clock(peak.at)}`, x + (right ? -6 : 6) * unit, y - 3 * unit,
      { colour: brush.colours[role], size: 12, weight: 600, align: right ? "right" : "left", baseline: "bottom", unit });
  });

const describeCalls = (policy, limit, highest, onpoint) => (brush) => {
  const top = Math.max(limit, highest) * 1.3;
  const splits = CALLS.filter((value) => value < top);
  return {
    data: thinned(policy.calls_over_time, Math.max(60, brush.width / 2)),
    height: 150,
    options: {
      padding: [10, 22, 0, 0].map((each) => each * brush.scale),
      scales: { y: { distr: 100, fwd: Math.sqrt, bwd: (root) => root * root, range: () => [0, top] } },
      axes: [
        timeAxis(brush),
        axis(brush, { size: 44 * brush.scale, splits: () => splits, filter: (_, all) => all, values: (_, all) => all }),
      ],
      series: [{}, {
        stroke: brush.colours[policy.role],
        fill: brush.colours[`${policy.role}-soft`],
        width: brush.scale,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
      }],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 8 }, sync: { key: "calls" } },
      hooks: { draw: [drawLimit(brush, limit), drawPeak(brush, policy)], setCursor: [onpoint] },
    },
  };
};

const callsAt = (policy, at) => {
  const { start, bucket_seconds: size, most, mean } = policy.calls_over_time;
  const bucket = Math.floor((at - start) / size);
  return most[bucket] == null ? null : { from: start + bucket * size, most: most[bucket], mean: mean?.[bucket] };
};

/** A panel for each policy, and a line of text that says what is pointed at. */
const showCalls = (place, readout, policies, limit) => {
  const highest = Math.max(0, ...policies.map((policy) => policy.figures.most_calls_in_a_second));
  const atRest = `Highest number of calls in any second: ${policies
    .map((policy) => `${policy.role} ${count(policy.figures.most_calls_in_a_second)}`)
    .join(", ")}.`;
  const say = (plot) => {
    const { left } = plot.cursor;
    const at = left != null && left >= 0 ? plot.posToVal(left, "x") : null;
    const found = at == null ? [] : policies.map((policy) => [policy, callsAt(policy, at)]).filter(([, calls]) => calls);
    if (!found.length) {
      readout.textContent = atRest;
      return;
    }
    const texts = found.map(([policy, { most, mean }]) =>
      `${policy.role} at most ${count(most)}${mean == null ? "" : ` (${decimal(mean, 2)} on average)`}`);
    readout.textContent = `${day(at)} ${clock(at)} UTC, calls in a second: ${texts.join(", ")}.`;
  };
  readout.textContent = atRest;
  for (const policy of policies) {
    const panel = element("div", { class: "plot", id: `calls-${policy.role}`, role: "img", "aria-label":
      `Calls per second of the ${policy.role} policy over time: at most ${
        count(policy.figures.most_calls_in_a_second)}, the limit is ${limit}.` });
    place.append(element("p", { class: "plot-name" }, element("span", { class: `swatch ${policy.role}` }),
      policies.length > 1 ? `${policy.role} policy` : "most calls in any second"), panel);
    new Plot(panel, describeCalls(policy, limit, highest, say));
  }
};
