// chooser.js: a list of rooms that can be searched (the combobox pattern of WAI-ARIA), with one before and one after.

class Chooser {
  /** `items`: [{name, search, note}] in order; `onchoose(index)` hears the choice. */
  constructor(place, items, onchoose) {
    Object.assign(this, { items, onchoose, chosen: 0, shown: [], active: -1 });
    this.input = element("input", { type: "text", id: "room-search", role: "combobox", autocomplete: "off",
      spellcheck: "false", "aria-expanded": "false", "aria-controls": "room-list", "aria-autocomplete": "list",
      "aria-label": `Choose one of ${items.length} rooms` });
    this.list = element("ul", { id: "room-list", role: "listbox", "aria-label": "Rooms", hidden: true });
    this.before = element("button", { type: "button", "aria-label": "Room before", onclick: () => this.#step(-1) }, "←");
    this.after = element("button", { type: "button", "aria-label": "Next room", onclick: () => this.#step(1) }, "→");
    place.replaceChildren(this.input, this.before, this.after, this.list);
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.#open(""));
    this.input.addEventListener("input", () => this.#open(this.input.value));
    this.input.addEventListener("blur", () => this.#close());
    this.input.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** Show that a room is chosen, whoever chose it. */
  show(index) {
    this.chosen = index;
    this.before.disabled = index === 0;
    this.after.disabled = index === this.items.length - 1;
    this.#close();
  }

  #step(by) {
    this.onchoose(this.chosen + by);
  }

  #open(text) {
    const wanted = text.trim().toLowerCase();
    this.shown = [...this.items.keys()].filter((index) => this.items[index].search.includes(wanted));
    this.list.replaceChildren(...this.shown.map((index) => element("li",
      { role: "option", id: `room-option-${index}`, "aria-selected": String(index === this.chosen),
        onclick: () => this.#choose(index) },
      named(this.items[index].name), element("small", {}, this.items[index].note))));
    if (!this.shown.length) this.list.append(element("li", { "aria-disabled": "true" }, "no such room"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#activate(wanted ? 0 : this.shown.indexOf(this.chosen));
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.items[this.chosen].name;
  }

  #activate(position) {
    this.active = Math.max(0, Math.min(position, this.shown.length - 1));
    [...this.list.children].forEach((item, index) => item.classList.toggle("active", index === this.active));
    const item = this.shown.length ? this.list.children[this.active] : null;
    if (!item) return;
    this.input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  #choose(index) {
    this.onchoose(index);
    this.input.select();
  }

  #pressed(event) {
    const open = !this.list.hidden;
    const to = {
      ArrowDown: () => (open ? this.#activate(this.active + 1) : this.#open("")),
      ArrowUp: () => (open ? this.#activate(this.active - 1) : this.#open("")),
      Enter: () => open && this.shown.length && this.#choose(this.shown[this.active]),
      Escape: () => this.#close(),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    to();
  }
}
