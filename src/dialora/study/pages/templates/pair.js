// Two texts to choose from. `read` gives the answer or null, `missing` a sentence about what is open.
const CHOICES = [
  { value: "a", label: "A is better", short: "A better", keys: ["a", "1"], shown: "A" },
  { value: "b", label: "B is better", short: "B better", keys: ["b", "2"], shown: "B" },
  { value: "tie", label: "Equally good", short: "Equal", keys: ["t", "3"], shown: "T" },
  { value: "neither", label: "Both bad", short: "Both bad", keys: ["n", "4"], shown: "N" },
];
const EMPTY = "(empty)";

class PairForm {
  constructor(entry, settings, draft, onchange) {
    Object.assign(this, { entry, onchange });
    this.question = "Which summary is better?";
    this.answer = draft.answer ?? null;
    this.why = draft.why ?? "";
    this.cards = entry.texts.map((text, at) => this.card(text, "AB"[at]));
    this.body = make("div", { class: "cards" }, ...this.cards);
    this.choices = make(
      "fieldset",
      { class: "choices" },
      make("legend", { class: "unseen" }, this.question),
      ...CHOICES.map((choice) => this.choice(choice)),
    );
    const hasWhy = settings.asks_why && entry.isPractice !== true;
    this.extra = hasWhy ? this.reason() : null;
    this.paint();
  }

  card(text, letter) {
    const heading = make("h3", { id: `text-${letter}` }, make("span", { class: "unseen" }, "Summary "), letter);
    const body = text.trim() ? quoted("p", text, { class: "text" }) : make("p", { class: "text nothing" }, EMPTY);
    return make("article", { class: "card", "aria-labelledby": `text-${letter}` }, heading, body);
  }

  choice({ value, label, short, shown }) {
    const input = make("input", {
      type: "radio", name: "choice", value, "aria-label": label, onchange: () => this.set(value),
    });
    return make(
      "label",
      { class: "choice" },
      input,
      make("span", { class: "long", "aria-hidden": "true" }, label),
      make("span", { class: "short", "aria-hidden": "true" }, short),
      make("kbd", { "aria-hidden": "true" }, shown),
    );
  }

  reason() {
    const area = make("textarea", {
      id: "why", rows: "1", maxlength: "2000", dir: "auto", placeholder: "Why? (optional)",
      oninput: () => { this.why = area.value; this.onchange(); },
    });
    area.value = this.why;
    const label = make("label", { for: "why", class: "unseen" }, "Why? (optional)");
    return make("div", { class: "why" }, label, area);
  }

  set(value) {
    this.answer = value;
    this.paint();
    this.onchange();
  }

  paint() {
    for (const input of this.choices.querySelectorAll("input")) input.checked = input.value === this.answer;
    this.cards.forEach((card, at) => card.classList.toggle("is-chosen", this.answer === "ab"[at]));
  }

  press(key) {
    const choice = CHOICES.find(({ keys }) => keys.includes(key));
    if (!choice) return false;
    this.set(choice.value);
    return true;
  }

  draft() {
    return { answer: this.answer, why: this.why };
  }

  read() {
    if (this.answer === null) return null;
    const why = this.why.trim();
    return why ? { answer: this.answer, why } : { answer: this.answer };
  }

  missing() {
    return "Choose one of the four answers first.";
  }

  focusMissing() {
    this.choices.querySelector("input").focus();
  }

  // Whether the practice answer is one that is expected.
  fits(expected) {
    return (expected.answer ?? []).includes(this.answer);
  }

  tellExpected(expected) {
    const labels = CHOICES.filter(({ value }) => (expected.answer ?? []).includes(value)).map(({ label }) => label);
    return `We would say: ${labels.join(" or ")}.`;
  }
}
