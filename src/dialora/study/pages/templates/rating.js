// One text to rate: a score for each criterion, and marked words where the study has kinds of error.
class RatingForm {
  constructor(entry, settings, draft, onchange, preferences) {
    Object.assign(this, { entry, onchange, preferences, criteria: settings.criteria });
    this.question = "How good is this summary?";
    this.scores = { ...(draft.scores ?? {}) };
    this.marks = settings.error_kinds.length && entry.words[0].length
      ? new Marks(entry.texts[0], entry.words[0], settings.error_kinds, draft.errors ?? [], (said) => onchange(said))
      : null;
    this.groups = this.criteria.map((criterion) => this.group(criterion));
    this.body = make("div", {}, this.card(entry.texts[0]), make("div", { class: "criteria" }, ...this.groups));
    this.choices = null;
    this.extra = null;
    this.paint();
  }

  card(text) {
    const plainText = text.trim() ? quoted("p", text, { class: "text" }) : make("p", { class: "text nothing" }, EMPTY);
    const heading = make("h3", { id: "text-A" }, "Summary");
    return make("article", { class: "card", "aria-labelledby": "text-A" }, heading, this.marks ? this.marks.node : plainText);
  }

  group(criterion) {
    const name = `score-${criterion.key}`;
    const anchors = { 1: criterion.lowest, 5: criterion.highest };
    const radios = [1, 2, 3, 4, 5].map((score) => make(
      "label",
      { class: "score" },
      make("input", {
        type: "radio", name, value: score, onchange: () => this.set(criterion.key, score),
        "aria-label": anchors[score] ? `${score}: ${plain(anchors[score])}` : String(score),
      }),
      make("span", { "aria-hidden": "true" }, String(score)),
    ));
    const example = criterion.example ? make(
      "details",
      { class: "example", open: this.preferences.isOpen(criterion.key) },
      make("summary", {}, "Example"),
      quoted("p", criterion.example),
    ) : null;
    example?.addEventListener("toggle", () => this.preferences.setOpen(criterion.key, example.open));
    return make(
      "fieldset",
      { class: "criterion", "data-key": criterion.key },
      make("legend", {}, quoted("bdi", criterion.label)),
      quoted("p", criterion.question, { class: "question" }),
      make("div", { class: "scale" }, ...radios),
      make("p", { class: "anchors", "aria-hidden": "true" }, quoted("span", criterion.lowest), quoted("span", criterion.highest)),
      example,
    );
  }

  set(key, score) {
    this.scores[key] = score;
    this.paint();
    this.onchange();
  }

  paint() {
    for (const group of this.groups) {
      const score = this.scores[group.dataset.key];
      group.classList.toggle("is-scored", score !== undefined);
      for (const input of group.querySelectorAll("input")) input.checked = Number(input.value) === score;
    }
  }

  // A digit scores the criterion that has the focus, else the first that is open, and goes on to the next.
  press(key) {
    if (!/^[1-5]$/u.test(key)) return false;
    const focused = this.groups.findIndex((group) => group.contains(document.activeElement));
    const open = this.groups.findIndex((group) => this.scores[group.dataset.key] === undefined);
    const at = focused >= 0 ? focused : open;
    if (at < 0) return false;
    this.set(this.groups[at].dataset.key, Number(key));
    const next = this.groups[Math.min(at + 1, this.groups.length - 1)];
    (next.querySelector("input:checked") ?? next.querySelector("input")).focus();
    return true;
  }

  draft() {
    return { scores: this.scores, errors: this.marks?.marks ?? [] };
  }

  read() {
    if (this.criteria.some(({ key }) => this.scores[key] === undefined)) return null;
    return { scores: { ...this.scores }, errors: (this.marks?.marks ?? []).map((mark) => ({ ...mark })) };
  }

  missing() {
    const open = this.criteria.filter(({ key }) => this.scores[key] === undefined).map(({ label }) => plain(label));
    return `Still to rate: ${open.join(", ")}.`;
  }

  focusMissing() {
    const group = this.groups.find((one) => this.scores[one.dataset.key] === undefined);
    group?.querySelector("input").focus();
  }

  fits(expected) {
    return Object.entries(expected.scores ?? {}).every(([key, [lowest, highest]]) => {
      const score = this.scores[key];
      return score === undefined || (score >= lowest && score <= highest);
    });
  }

  tellExpected(expected) {
    const parts = this.criteria.filter(({ key }) => expected.scores?.[key]).map(({ key, label }) => {
      const [lowest, highest] = expected.scores[key];
      return `${plain(label)} ${lowest === highest ? lowest : `${lowest} to ${highest}`}`;
    });
    return parts.length ? `We would give: ${parts.join(", ")}.` : "";
  }
}
