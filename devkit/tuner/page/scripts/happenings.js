// happenings.js: the same as the chart of a room in words: what is pointed at, and a table of everything.

const FIRST_ROWS = 12;
const MORE_ROWS = 200;

const ruleOf = (step) => (step.rule == null ? "the interval it started with" : element("code", {}, named(step.rule)));

/** What holds at a time: the interval of each policy, since when, by which event and rule, and why. */
const showMoment = (place, story, policies, at, row) => {
  const when = at ?? story.end;
  const steps = standing(story, when);
  const event = row && row.id != null
    ? [element("span", { class: "quiet" }, row.type ? named(row.type) : "no event", " ", element("code", {}, named(row.id)))]
    : [];
  const title = at == null ? `${day(when)} ${clock(when)} UTC, at the end` : `${day(when)} ${clock(when)} UTC`;
  place.replaceChildren(
    element("p", { class: "moment" }, title, ...(event.length ? [" · ", ...event] : [])),
    element("dl", {}, policies.map((policy, index) => {
      // An event takes effect a moment after it arrived: what is pointed at is the event, so its effect is told.
      const own = row?.changes[index];
      const step = own ?? steps[index];
      if (!step) return null;
      const since = own
        ? ` from ${count(own.from)} s${own.delay == null ? "" : `, in effect ${seconds(own.delay)} later`}: `
        : row && at != null ? " unchanged; set by " : " set by ";
      const because = step.rule == null ? "nothing changed it yet"
        : [ruleOf(step), own ? "" : [" at ", clock(step.at), ", ", step.type ? named(step.type) : "no event", " ",
          step.event == null ? "" : element("code", {}, named(step.event))].flat(), `: `, named(step.reason ?? "")].flat();
      return element("div", {},
        element("dt", {}, element("span", { class: `swatch ${policy.role}` }),
          element("span", { class: `${policy.role}-ink` }, policies.length > 1 ? policy.role : "interval"),
          element("b", { class: "number" }, `${count(step.interval)}${THIN}s`)),
        element("dd", {}, step.rule == null ? because : [since, because].flat()));
    })));
};

const effect = (change) => change == null
  ? element("td", { class: "none", role: "cell" }, "–")
  : element("td", { role: "cell" },
    element("span", { class: "number" }, change.from == null ? "" : `${count(change.from)} → `,
      element("b", {}, `${count(change.interval)}${THIN}s`)),
    " ", ruleOf(change),
    element("small", {}, named(change.reason ?? ""),
      change.delay == null ? "" : ` (${seconds(change.delay)} after it arrived)`));

/** Every event and step as a table; its times lead to the chart. */
const showHappenings = (place, story, policies, { everything, onchoose }) => {
  const rows = everything ? story.rows : story.rows.filter(changesSomething);
  if (!rows.length) {
    place.replaceChildren(element("p", { class: "quiet" },
      story.rows.length ? `None of ${several(story.rows.length, "event", "events")} changed anything.` : "No events."));
    return;
  }
  const newDay = (index) => day(rows[index].at) !== day(index ? rows[index - 1].at : story.start);
  const asRow = (row, index) => element("tr", { role: "row" },
    element("td", { role: "cell" },
      element("button", { class: "link", type: "button", title: `${day(row.at)} ${clock(row.at)} UTC: show in the chart`,
        onclick: () => onchoose(row.at) }, clock(row.at)), newDay(index) ? element("small", {}, day(row.at)) : null),
    element("td", { role: "cell" }, row.type ? named(row.type) : "no event",
      row.id == null ? null : element("small", {}, element("code", {}, named(row.id)))),
    row.changes.map((change, index) => {
      const cell = effect(change);
      if (policies.length > 1 && change) cell.prepend(element("span", { class: `${policies[index].role}-ink` },
        `${policies[index].role} `));
      return cell;
    }));
  place.replaceChildren(table(
    ["Time (UTC)", "Event", ...policies.map((policy) => (policies.length > 1 ? `${policy.role} policy` : "Interval"))]
      .map((name) => ({ name })),
    rows, asRow, FIRST_ROWS, MORE_ROWS));
};
