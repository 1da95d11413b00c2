// story.js: what happened in one room, put together from its events and from the steps of each policy. Pure.

/** The last of the sorted `items` at or before a time; -1 before the first. */
const lastAt = (items, at) => {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].at <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

const byTime = (one, other) => one.at - other.at;

/**
 * The story of a chart of the report.
 *
 * `rows`: what arrived or took effect, in order: {at, type, id, changes: [one for each policy, or null]}; a change is
 * the step with the interval `from` which it came and its `delay` in seconds. A step that no event of the room
 * stands behind, such as an adjustment that ended, has a row of its own. `moments`: the times worth a stop.
 * `steps`: those of each policy, sorted.
 */
const tell = (chart) => {
  const steps = chart.steps.map((each) => [...each].sort(byTime));
  const rows = chart.events
    .map((event) => ({ at: event.at, type: event.type, id: event.id, changes: steps.map(() => null) }))
    .sort(byTime);
  const arrivals = grouped(rows);
  const alone = [];
  steps.forEach((own, policy) => own.forEach((step, index) => {
    if (step.rule == null) return; // what it stood at before anything happened
    const candidates = arrivals.get(step.event) ?? [];
    const cause = candidates[lastAt(candidates, step.at)];
    const change = { ...step, from: own[index - 1]?.interval ?? null, delay: cause ? step.at - cause.at : null };
    if (cause && !cause.changes[policy]) cause.changes[policy] = change;
    else {
      const changes = steps.map((_, other) => (other === policy ? change : null));
      alone.push({ at: step.at, type: step.type, id: step.event, changes });
    }
  }));
  const all = [...rows, ...alone].sort(byTime);
  const times = [...all.map((row) => row.at), ...steps.flat().map((step) => step.at)];
  return {
    rows: all,
    steps,
    moments: [...new Set(times)].filter((at) => at >= chart.start && at <= chart.end).sort((a, b) => a - b),
    start: chart.start,
    end: Math.max(chart.end, chart.start + 1),
  };
};

const grouped = (rows) => {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(row.id)) groups.set(row.id, []);
    groups.get(row.id).push(row);
  }
  return groups;
};

const changesSomething = (row) => row.changes.some((change) => change != null);

/** The step that holds at a time, for each policy; undefined before the first. */
const standing = (story, at) => story.steps.map((own) => own[lastAt(own, at)]);
