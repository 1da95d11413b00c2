"use strict";
// Every name comes from somebody's event: it is only ever set as text.
const base = location.pathname.replace(/\/+console\/*$/, "").replace(/^\/+/, "/"); // two would begin a host
const $ = (id) => document.getElementById(id);
let token = null; // in memory only
let chosen = null; // the task whose story is open

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = String(text);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Refused extends Error {}

async function ask(method, path, body) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(base + path, { method, headers, body, cache: "no-store" });
  } catch {
    throw new Refused("The endpoint does not answer.");
  }
  const given = await answer.json().catch(() => null);
  if (answer.status === 401) {
    token = null;
    $("entry").hidden = false;
    $("token").focus();
  }
  if (answer.status >= 400 || given === null) {
    const title = (given && given.title) || `The endpoint answered ${answer.status}`;
    throw new Refused(given && given.detail ? `${title}: ${given.detail}` : title);
  }
  return given;
}

const turns = {};

// Whether nothing was asked about it since: a slow answer may come after that to a later question.
function isLast(about) {
  const turn = (turns[about] = (turns[about] || 0) + 1);
  return () => turns[about] === turn;
}

async function attempt(problem, question, show, holds = () => true) {
  $(problem).hidden = true;
  try {
    const answer = await question();
    if (holds()) show(answer);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (!holds()) return;
    $(problem).textContent = error.message;
    $(problem).hidden = false;
  }
}

const local = (time) => (time ? new Date(time).toLocaleString() : "");
const words = (kind) => kind.replaceAll("_", " ");
const pendingText = (each) =>
  words(each.kind) +
  (each.rule ? ` (rule ${each.rule}${each.reason ? `: ${each.reason}` : ""})` : "") +
  (each.until ? ` until ${local(each.until)}` : "") +
  (each.then ? `, then ${each.then} s` : "");
const taskName = (task) => `${task.TaskId} in ${task.RoomId}`;
const taskPath = (task) => "/tasks/" + [task.AppId, task.RoomId, task.TaskId].map(encodeURIComponent).join("/");

// The table.

let next = null;

function query() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData($("filters"))) if (value !== "") asked.set(name, value.trim());
  return asked;
}

function row({ task, interval }) {
  const made = element("tr");
  const open = element("button", task.TaskId, { class: "link", type: "button" });
  open.addEventListener("click", () => {
    for (const other of $("tasks").children) other.classList.toggle("chosen", other === made);
    show(task);
  });
  const cells = { Interval: interval === null ? "–" : `${interval} s`, App: task.AppId, Room: task.RoomId, Task: open };
  for (const [name, content] of Object.entries(cells)) {
    const cell = element("td", null, { "data-name": name });
    cell.append(content);
    made.append(cell);
  }
  return made;
}

async function list(more) {
  const asked = query();
  if (more) asked.set("after", next);
  const tell = (page) => {
    if (!more) $("tasks").replaceChildren();
    $("tasks").append(...page.tasks.map(row));
    next = page.next || null;
    $("more").hidden = next === null;
    const count = $("tasks").children.length;
    // A page may be short or empty while there is a next one.
    $("count").textContent = `${count} ${count === 1 ? "task" : "tasks"}${next === null ? "" : " so far"}`;
  };
  await attempt("list-problem", () => ask("GET", `/tasks?${asked}`), tell, isLast("list"));
}

// One task's story.

function fact(name, text) {
  if (text) $("facts").append(element("dt", name), element("dd", text));
}

function settingText(setting) {
  if (!setting) return "";
  const reason = setting.reason ? ` (${setting.reason})` : "";
  return `${setting.interval} s since ${local(setting.since)}, rule ${setting.rule}${reason}, event ${setting.event.id} of ${setting.event.source}`;
}

function boundsText(bounds) {
  if (!bounds) return "";
  const { min, max } = bounds;
  const limits = min === max ? `${min} s` : [min && `from ${min} s`, max && `up to ${max} s`].filter(Boolean).join(" ");
  return `${limits} until ${local(bounds.until)}, since ${local(bounds.since)}, by ${bounds.caller}: ${bounds.reason}`;
}

function tell(known) {
  $("facts").replaceChildren();
  fact("App", known.task.AppId);
  fact("Desired", settingText(known.desired) || "no event has named it yet");
  fact("Bounds", boundsText(known.bounds));
  fact("Applied", settingText(known.applied) || "nothing confirmed yet");
  for (const each of known.pending) fact("Pending", pendingText(each));
  fact("Policy", known.desired && known.desired.policy);
  $("clear").hidden = !known.bounds;
}

async function show(task) {
  if (task !== chosen) {
    $("bounds-result").textContent = "";
    $("bounds-problem").hidden = true;
  }
  chosen = task;
  $("story").hidden = false;
  $("story-heading").textContent = taskName(task);
  $("facts").replaceChildren();
  await attempt("story-problem", () => ask("GET", taskPath(task)), tell, isLast("story"));
  $("story").focus();
}

async function change(method, body) {
  const task = chosen;
  $("bounds-result").textContent = "";
  const question = async () => {
    try {
      return await ask(method, `${taskPath(task)}/bounds`, body);
    } catch (error) {
      error.message = `${taskName(task)}: ${error.message}`; // another one may be open by now
      throw error;
    }
  };
  await attempt("bounds-problem", question, (changed) => {
    if (chosen !== task) return;
    isLast("story"); // a look from before knows nothing of it
    tell(changed);
    const before = changed.replaced && method === "PUT" ? ` Replaced: ${boundsText(changed.replaced)}.` : "";
    $("bounds-result").textContent = `${method === "PUT" ? "Set" : "Cleared"}: ${changed.reason}.${before}`;
  });
}

function wanted() {
  const given = {};
  for (const [name, text] of new FormData($("bounds"))) {
    if (text.trim() !== "") given[name] = name === "min" || name === "max" ? Number(text) : text.trim();
  }
  return JSON.stringify(given);
}

// What would an event do?

function explained(answer) {
  const story = element("dl");
  const add = (name, text) => text && story.append(element("dt", name), element("dd", text));
  add("Verdict", answer.verdict);
  add("Rule", answer.rule);
  add("Why", answer.reason);
  add("Interval", answer.interval.given === null ? "" : `${answer.interval.given} s`);
  add("Tasks", answer.tasks.map(taskName).join(", "));
  for (const rule of answer.rules) add(`Rule ${rule.rule}`, rule.reason);
  return [story, element("pre", JSON.stringify(answer, null, 2), { tabindex: "0", "aria-label": "The whole answer" })];
}

$("entry-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value;
  $("token").value = "";
  $("entry").hidden = true;
  list(false);
});
$("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  list(false);
});
$("more").addEventListener("click", () => list(true));
$("again").addEventListener("click", () => show(chosen));
$("bounds").addEventListener("submit", (event) => {
  event.preventDefault();
  change("PUT", wanted());
});
$("clear").addEventListener("click", () => change("DELETE"));
$("explain").addEventListener("submit", (event) => {
  event.preventDefault();
  $("explained").replaceChildren();
  const show = (answer) => $("explained").replaceChildren(...explained(answer));
  attempt("explain-problem", () => ask("POST", "/explain", $("event").value), show, isLast("explain"));
});
list(false);
