// tables.js: tables, and the histogram, which is one with bars in it.

/** A table; rows beyond the first come on request. Roles are written out, since CSS may lay the cells out anew. */
const table = (head, rows, asRow, first = Infinity, more = Infinity) => {
  const body = element("tbody", { role: "rowgroup" });
  const button = element("button", { type: "button", class: "more" });
  const extend = (by) => {
    const from = body.children.length;
    body.append(...rows.slice(from, from + by).map((row, index) => asRow(row, from + index)));
    const left = rows.length - body.children.length;
    button.hidden = left <= 0;
    button.textContent = `Show ${left > more ? `${count(more)} more of ${count(left)}` : `the other ${count(left)}`}`;
  };
  button.addEventListener("click", () => extend(more));
  const made = element("div", {}, element("table", { role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head.map(({ name, kind }) =>
      element("th", { scope: "col", role: "columnheader", class: kind }, name)))), body), button);
  extend(first);
  return made;
};

const cell = (text, kind = "number") => element("td", { role: "cell", class: kind }, text);

const heading = (...content) => element("th", { scope: "row", role: "rowheader" }, ...content);

const showHistogram = (place, policies) => {
  const total = (policy) => policy.histogram.reduce((sum, bucket) => sum + bucket.task_seconds, 0) || 1;
  const shares = policies.map((policy) => policy.histogram.map((bucket) => bucket.task_seconds / total(policy)));
  const longest = Math.max(...shares.flat(), 0) || 1;
  const bar = (policy, index) => {
    const share = shares[policy][index] ?? 0;
    const block = element("div", {});
    block.style.width = `calc((100% - 56px) * ${share / longest})`; // there is room for the figure behind it
    if (!share) block.style.visibility = "hidden";
    return element("td", { role: "cell", class: `${policies[policy].role}${share ? "" : " zero"}` }, block, percent(share));
  };
  const head = [{ name: "Interval" }, ...policies.map((policy) => ({ name: `${policy.role}: share of task time` }))];
  place.replaceChildren(policies.length > 1 ? legend(policies) : "", table(head, [...policies[0].histogram.keys()], (index) => {
    const { from, to } = policies[0].histogram[index];
    return element("tr", { role: "row" },
      heading(from === to ? `${from}${THIN}s` : `${from}–${to}${THIN}s`), policies.map((_, policy) => bar(policy, index)));
  }));
};

/** `chartOf(task)`: the index of a room's chart, or undefined. */
const showRooms = (place, report, chartOf, onchoose) => {
  const two = report.policies.length > 1;
  const head = [{ name: "Room" }, { name: "Events", kind: "number wide" },
    ...(two ? [{ name: "Pictures, new", kind: "number" }, { name: "old", kind: "number wide" },
      { name: "Difference", kind: "number" }, { name: "Changes, new / old", kind: "number wide" },
      { name: "Mean interval, new / old", kind: "number wide" }, { name: "Time apart", kind: "number" }]
      : [{ name: "Pictures", kind: "number" }, { name: "Changes", kind: "number" },
        { name: "Mean interval", kind: "number" }])];
  const asRow = (room) => {
    const chart = chartOf(room.task);
    const [now, before] = room.pictures;
    const both = (pair, shape) => pair.map(shape).join(" / ");
    return element("tr", { role: "row", "data-chart": chart },
      heading(chart == null ? named(room.task.RoomId)
        : element("button", { type: "button", class: "link", onclick: () => onchoose(chart) }, named(room.task.RoomId)),
      element("small", {}, "task ", named(room.task.TaskId))),
      cell(count(room.events), "number wide"),
      two ? [cell(count(now)), cell(count(before), "number wide"),
        cell([count(Math.round(now) - Math.round(before)), element("small", {}, change(now, before))]),
        cell(both(room.changes, count), "number wide"), cell(both(room.mean_interval_seconds, seconds), "number wide"),
        cell(percent(room.different_share))]
        : [cell(count(now)), cell(count(room.changes[0])), cell(seconds(room.mean_interval_seconds[0]))]);
  };
  if (!report.rooms.length) place.replaceChildren(element("p", { class: "quiet" }, "No room had an event that could be read."));
  else place.replaceChildren(table(head, report.rooms, asRow, 12, 100));
};

const showRules = (place, policies) => {
  const names = [...new Set(policies.flatMap((policy) => policy.rules.map((rule) => rule.rule)))];
  const head = [{ name: "Rule" }, ...policies.flatMap((policy) => [
    { name: policies.length > 1 ? `Events, ${policy.role}` : "Events", kind: "number" },
    { name: policies.length > 1 ? `Applied, ${policy.role}` : "Applied", kind: "number" }])];
  place.replaceChildren(table(head, names, (name) => element("tr", { role: "row" },
    heading(element("code", {}, named(name))),
    policies.flatMap((policy) => {
      const rule = policy.rules.find((each) => each.rule === name);
      if (!rule) return [cell("no such rule", "number none"), cell("", "number")];
      return [cell(rule.events ? count(rule.events) : "never", rule.events ? "number" : "number none"), cell(count(rule.applied))];
    }))));
};

const showOutcomes = (place, policies) => {
  const kinds = [...new Set(policies.flatMap((policy) => Object.keys(policy.outcomes)))];
  const head = [{ name: "Outcome" },
    ...policies.map((policy) => ({ name: policies.length > 1 ? policy.role : "Count", kind: "number" }))];
  place.replaceChildren(table(head, kinds, (kind) => element("tr", { role: "row" }, heading(kind),
    policies.map(({ outcomes }) => cell(count(outcomes[kind] ?? 0), outcomes[kind] ? "number" : "number none")))));
};
