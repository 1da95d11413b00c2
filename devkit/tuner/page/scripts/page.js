// page.js: the report put on the page, and the room that is looked at.

const report = JSON.parse(byId("report").textContent);
const { policies, charts, price, assumptions } = report;
const [now, before] = policies;
const limit = assumptions.limit_per_second ?? 150;
const fileName = (path) => path.split("/").at(-1);

const showHeadline = () => {
  const { pictures } = now.figures;
  const old = before?.figures.pictures;
  document.title = `Backtest of ${fileName(now.file)}${before ? ` against ${fileName(before.file)}` : ""}`;
  const amount = !before || pictures === old ? count(pictures)
    : `${count(Math.abs(Math.round(pictures) - Math.round(old)))} ${pictures < old ? "fewer" : "more"}`;
  byId("headline").append(named(fileName(now.file)), ` takes ${amount} pictures`,
    ...(before ? [pictures === old ? ", as many as " : " than ", named(fileName(before.file)),
      ...(pictures === old ? [] : [` (${change(pictures, old)})`])] : []));
  byId("policies").append(...policies.map((policy) => element("span", { class: "policy" },
    element("span", { class: `swatch ${policy.role}` }),
    element("span", {}, `${policies.length > 1 ? policy.role : "policy"}: `, named(policy.file), " ",
      element("span", { class: "quiet" }, "sha256 ", element("code", { title: policy.sha256 }, policy.sha256.slice(0, 12)),
        ` · bounds ${policy.bounds.min}–${policy.bounds.max}${THIN}s`)))));
  const { file, events, first, last, seconds: length } = report.recording;
  const when = first ? ` · ${period(fromText(first), fromText(last))} (${span(length)})` : "";
  byId("recording").append("Recording: ", named(file), ` · ${several(events, "event", "events")}`,
    ` · ${several(now.figures.tasks, "task", "tasks")}, ${decimal(now.figures.task_hours)} task-hours`, when);
};

/** One box for everything that should not be missed; what can be unfolded tells the first cases. */
const warn = (text, cases = []) => {
  const items = cases.map((each) => element("li", {}, each));
  byId("warnings").classList.add("warning");
  byId("warnings").append(items.length
    ? element("details", {}, element("summary", {}, text), element("ul", {}, items))
    : element("p", {}, text));
};

/** What there are so many of under each policy: said once where it is the same under both. */
const warnOfEach = (countOf, text, casesOf = () => []) => {
  const same = policies.length > 1 && countOf(now) === countOf(before);
  for (const policy of same ? [now] : policies) {
    const whose = same ? " under both policies" : policies.length > 1 ? ` under the ${policy.role} policy` : "";
    if (countOf(policy)) warn(`${text(countOf(policy))}${whose}.`, casesOf(policy));
  }
};

const showWarnings = () => {
  const { unreadable, unreadable_count: bad } = report.recording;
  if (bad) {
    warn(`${several(bad, "line", "lines")} of the recording could not be read.`,
      unreadable.map(({ line, reason }) => [`line ${line}: `, named(reason)]));
  }
  warnOfEach(({ outcomes }) => outcomes.rejected ?? 0,
    (number) => `${several(number, "event was", "events were")} rejected`,
    ({ rejected }) => (rejected ?? []).map(({ id, reason }) => [element("code", {}, named(id)), ": ", named(reason)]));
  // A rejected event is a dead letter at once; others become one when no attempt helped.
  warnOfEach(({ figures, outcomes }) => Math.max(0, (figures.dead_letters ?? 0) - (outcomes.rejected ?? 0)),
    (number) => `${several(number, "event was", "events were")} tried in vain, and given up as dead letters`);
  warnOfEach(({ figures }) => figures.most_calls_in_a_second >= assumptions.slots_per_second && figures.most_calls_in_a_second,
    (number) => `${number} calls in a second, all that the limit leaves: events waited for their turn`);
};

const tile = (name, figure, ...beside) => element("li", { class: "tile" }, element("p", { class: "name" }, name),
  element("p", { class: "figure number" }, figure),
  ...beside.filter(Boolean).map((each) => (each instanceof Node ? each : element("p", { class: "beside number" }, each))));

const showTiles = () => {
  const [one, other] = policies.map((policy) => policy.figures);
  const was = (text) => (other ? `old ${text}` : null);
  const compared = (key, shape) => other && `old ${shape(other[key])} · ${change(one[key], other[key])}`;
  const meter = element("div", { class: "meter", role: "img", "aria-label": `${one.most_calls_in_a_second} of ${limit}` },
    element("div", {}));
  meter.firstChild.style.width = `${Math.min(100, (one.most_calls_in_a_second / limit) * 100)}%`;
  const [effect, oldEffect] = policies.map((policy) => policy.event_to_effect_seconds);
  const waited = (each) => (each ? `${seconds(each.p50)} / ${seconds(each.p99)}` : "–");
  const urgent = policies[0].urgent_event_to_effect_seconds;
  const small = (text) => element("small", {}, text);
  const cost = one.cost == null || !price ? null
    : `${money(one.cost, price.currency)}${other?.cost == null ? "" : `, old ${money(other.cost, price.currency)}`}`;
  byId("tiles").append(
    tile("Pictures", count(one.pictures), compared("pictures", count), cost),
    tile("Mean interval", seconds(one.mean_interval_seconds), compared("mean_interval_seconds", seconds)),
    tile("Changes per task-hour", decimal(one.changes_per_task_hour, 2),
      compared("changes_per_task_hour", (value) => decimal(value, 2))),
    tile("Calls", count(one.calls), compared("calls", count)),
    tile("Most calls in any second", [count(one.most_calls_in_a_second), small(` of ${limit}`)],
      was(count(other?.most_calls_in_a_second)), meter),
    tile("From event to effect, p50 / p99", waited(effect), was(waited(oldEffect)), urgent
      && `urgent ${waited(urgent)}, the rest ${waited(policies[0].other_event_to_effect_seconds)}`),
    tile("Time at the bounds, min / max", `${percent(one.seconds_at_min_share)} / ${percent(one.seconds_at_max_share)}`,
      was(`${percent(other?.seconds_at_min_share)} / ${percent(other?.seconds_at_max_share)}`)),
    other ? tile("Rooms that differ", [count(report.rooms_different), small(` of ${count(report.rooms_count)}`)],
      "at some time") : tile("Rooms", count(report.rooms_count)));
};

const addressOf = ({ AppId, RoomId, TaskId }) => `#${new URLSearchParams({ app: AppId, room: RoomId, task: TaskId })}`;
const chartsByAddress = new Map(charts.map((chart, index) => [addressOf(chart.task), index]));
const roomsByAddress = new Map(report.rooms.map((room) => [addressOf(room.task), room]));

const noteOf = (room) => {
  if (!room) return "";
  const pictures = before ? change(room.pictures[0], room.pictures[1]) : several(room.pictures[0], "picture", "pictures");
  return `${pictures}, ${several(room.changes[0], "change", "changes")}`;
};

/** The section of one room: its chart, what is pointed at, and what happened. */
const showRoomSection = () => {
  if (!charts.length) {
    for (const part of ["chooser", "room-plot", "room-readout", "room-hint"]) byId(part).hidden = true;
    for (const part of document.querySelectorAll("#room figure, #room .bar-of-heading ~ .bar-of-heading")) part.hidden = true;
    byId("room-facts").textContent = "There is no room to show: none had an event that could be read, or none was asked for (--rooms, --room).";
    return () => {};
  }
  let chosen = 0;
  let current = null;
  const place = byId("room-plot");
  const whole = element("button", { type: "button", class: "controls", hidden: true, onclick: () => current.plot.draw(true) },
    "See all of the time");
  byId("room-hint").prepend(whole, " ");

  const show = (index) => {
    chosen = index;
    const chart = charts[index];
    const story = tell(chart);
    const room = roomsByAddress.get(addressOf(chart.task));
    const changed = story.rows.filter(changesSomething).length;
    byId("room-name").replaceChildren(named(chart.task.RoomId), " ",
      element("small", {}, "task ", named(chart.task.TaskId), " · app ", named(chart.task.AppId)));
    byId("room-facts").textContent = [
      `${several(chart.events.length, "event", "events")}, ${changed} with an effect`,
      room && (before
        ? `${count(room.pictures[0])} pictures, old ${count(room.pictures[1])} (${change(room.pictures[0], room.pictures[1])})`
        : `${count(room.pictures[0])} pictures`),
      room?.different_share != null && `other intervals ${percent(room.different_share)} of its time`,
      period(chart.start, chart.end),
      chart.left_out && `${several(chart.left_out, "more is", "more are")} left out`,
    ].filter(Boolean).join(" · ");
    current?.destroy();
    const say = (at, row) => showMoment(byId("room-readout"), story, policies, at, row);
    current = new RoomPlot(place, story, policies, { onmoment: say, onzoom: (zoomed) => { whole.hidden = !zoomed; } });
    const spoken = "the table below tells the same; arrow keys go from event to event";
    place.setAttribute("aria-label", `Intervals of room ${chart.task.RoomId} over time: ${spoken}`);
    say(null, null);
    list(story);
    chooser.show(index);
    for (const row of document.querySelectorAll("#rooms tr[data-chart]")) {
      row.classList.toggle("chosen", row.dataset.chart === String(index));
    }
  };
  const list = (story) => showHappenings(byId("happenings"), story, policies, {
    everything: byId("everything").checked,
    onchoose: (at) => {
      current.point(at);
      place.scrollIntoView({ block: "center" });
      place.focus({ preventScroll: true });
    },
  });
  const choose = (index) => {
    show(index);
    history.pushState(null, "", addressOf(charts[index].task));
  };
  const chooser = new Chooser(byId("chooser"), charts.map(({ task }) => ({
    name: task.RoomId,
    search: `${task.RoomId} ${task.TaskId} ${task.AppId}`.toLowerCase(),
    note: noteOf(roomsByAddress.get(addressOf(task))),
  })), choose);
  const follow = () => show(chartsByAddress.get(location.hash) ?? 0);
  place.setAttribute("tabindex", "0");
  place.setAttribute("role", "group");
  byId("room-readout").setAttribute("aria-live", "polite");
  byId("everything").addEventListener("change", () => list(tell(charts[chosen])));
  addEventListener("hashchange", follow);
  follow();
  return (index) => {
    choose(index);
    byId("room").scrollIntoView({ block: "start" });
    place.focus({ preventScroll: true });
  };
};

const ASSUMPTIONS = {
  slots_per_second: ["Calls are started at most at", (value) => `${value} a second`],
  limit_per_second: ["The account's limit", (value) => `${value} a second`],
  batch_size: ["A batch holds up to", (value) => several(value, "event", "events")],
  batch_window_seconds: ["It waits for more events for", seconds],
  call_seconds: ["A call takes", seconds],
  start_interval_seconds: ["A task starts at an interval of", seconds],
  workers: ["Batches at work at once, at most", count],
  visibility_seconds: ["An event to be tried again comes back after", seconds],
  receives: ["It is a dead letter after", (value) => several(value, "attempt", "attempts")],
};

const showAssumptions = () => {
  byId("assumptions").append(...Object.entries(assumptions).map(([key, value]) => {
    const [name, shape] = ASSUMPTIONS[key] ?? [key.replaceAll("_", " "), String];
    return element("div", {}, element("dt", {}, name), element("dd", {}, shape(value)));
  }), price ? element("div", {}, element("dt", {}, "1,000 pictures cost"),
    element("dd", {}, money(price.per_1000_pictures, price.currency, 6))) : "");
};

const showRoomsNote = () => {
  const listed = report.rooms.length;
  byId("rooms-note").textContent = [
    before ? `${count(report.rooms_different)} of ${several(report.rooms_count, "room", "rooms")} differ; those that differ most come first.`
      : `${several(report.rooms_count, "room", "rooms")}; those with the most pictures come first.`,
    listed < report.rooms_count && `The first ${count(listed)} are listed.`,
    charts.length && charts.length < listed && `${several(charts.length, "has a chart", "have a chart")} here: choose one by its name.`,
  ].filter(Boolean).join(" ");
};

showHeadline();
showWarnings();
showTiles();
showCalls(byId("calls"), byId("calls-readout"), policies, limit);
showHistogram(byId("histogram"), policies);
let openRoom = () => {};
showRooms(byId("rooms"), report, (task) => chartsByAddress.get(addressOf(task)), (index) => openRoom(index));
openRoom = showRoomSection();
showRoomsNote();
showRules(byId("rules"), policies);
showOutcomes(byId("outcomes"), policies);
showAssumptions();
