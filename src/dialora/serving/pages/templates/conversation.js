// The conversation as it was read: turns, who speaks, what was left out. A long one is shown in pieces.
const FIRST_TURNS = 200;
const MORE_TURNS = 500;
const NUM_SHADES = 4;
const RENAME = "Summarize with these names";

class Conversation {
  constructor(values) {
    this.turns = values.turns;
    this.speakers = [...new Set(values.turns.map((turn) => turn.speaker).filter(Boolean))];
    this.shades = new Map(this.speakers.map((name, at) => [name, at % NUM_SHADES]));
    this.nodes = [];
    this.list = make("ol", { class: "turns" });
    this.more = make("button", { type: "button", class: "more", onclick: () => this.showAll() });
    this.scroller = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Turns" }, this.list, this.more);
    const facts = [values.format, plural(this.turns.length, "turn")];
    if (this.speakers.length) facts.push(plural(this.speakers.length, "speaker"));
    this.facts = quoted("p", facts.filter(Boolean).join(" · "), { class: "facts-line" });
    this.notes = values.notes.length
      ? make("ul", { class: "notes", "aria-label": "Notes of the reading" }, ...values.notes.map((note) => quoted("li", note)))
      : null;
    this.showUpTo(FIRST_TURNS);
  }

  showUpTo(count) {
    const stop = Math.min(count, this.turns.length);
    const added = [];
    for (let at = this.nodes.length; at < stop; at += 1) added.push(this.build(this.turns[at], at));
    this.nodes.push(...added);
    this.list.append(...added);
    this.more.hidden = this.nodes.length === this.turns.length;
    this.more.textContent = `Show all ${this.turns.length.toLocaleString("en")} turns`;
  }

  // Piece by piece, so that the page answers meanwhile.
  async showAll() {
    this.more.disabled = true;
    while (this.nodes.length < this.turns.length) {
      this.showUpTo(this.nodes.length + MORE_TURNS);
      await tick();
    }
    this.scroller.focus({ preventScroll: true });
  }

  build({ speaker, text }, at) {
    const shade = speaker ? `shade-${this.shades.get(speaker)}` : "";
    const name = speaker ? quoted("b", speaker) : null;
    return make(
      "li", { class: `turn ${shade}`, "data-turn": at },
      make("span", { class: "number" }, String(at + 1)),
      make("div", {}, name, quoted("p", text)),
    );
  }

  // A turn that a sentence names is there, also far down.
  find(at) {
    if (at >= this.nodes.length) this.showUpTo(at + 1);
    return this.nodes[at];
  }

  // Only the list moves, never the page: who reads a summary stays there.
  reveal(at) {
    const node = this.find(at);
    const box = this.scroller.getBoundingClientRect();
    const own = node.getBoundingClientRect();
    if (own.top >= box.top && own.bottom <= box.bottom) return;
    this.scroller.scrollTop += own.top - box.top - 24;
  }

  describe(at) {
    const { speaker, text } = this.turns[at];
    const words = text.length > 200 ? `${text.slice(0, 200)} …` : text;
    return `Turn ${at + 1}${speaker ? `, ${speaker}` : ""}: ${words}`;
  }
}

// Other names for the speakers: fields by the names that were read, whatever they were renamed to since.
function buildRenaming(names, onrename) {
  const fields = [...names].map(([original, current], at) => {
    // A form says OLD=NEW, so a new name has no sign of its own.
    const input = make("input", {
      id: `speaker-${at}`, dir: "auto", maxlength: "80", autocomplete: "off", pattern: "[^=]*", title: "A name without =",
    });
    input.value = current;
    return { original, input, row: make("div", {}, quoted("label", original, { for: `speaker-${at}` }), input) };
  });
  const form = make(
    "form", { class: "renaming" }, ...fields.map((field) => field.row),
    make(
      "div", { class: "row" },
      make("button", { type: "submit" }, make("span", { "data-label": RENAME }, RENAME)),
      make("button", { type: "button", class: "cancel" }, "Cancel"),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onrename(new Map(fields.map(({ original, input }) => [original, input.value.trim() || original])));
  });
  return make("details", { class: "speakers" }, make("summary", {}, "Rename speakers"), form);
}
