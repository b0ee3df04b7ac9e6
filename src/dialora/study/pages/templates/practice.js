// The practice round: items with a known answer, told after one's own. Nothing of it is sent but that it was done.
function practiceEntry(item) {
  return { ...item, item: null, isPractice: true, words: item.texts.map((text) => text.split(/\s+/u).filter(Boolean)) };
}

function buildFeedback(form, practice) {
  const isRight = form.fits(practice.expected);
  return make(
    "div",
    { class: `feedback ${isRight ? "is-right" : "is-other"}`, role: "status", tabindex: "-1" },
    make("p", { class: "verdict" }, isRight ? "✓ We see it the same way." : "✗ We see it differently."),
    isRight ? null : make("p", {}, form.tellExpected(practice.expected)),
    ...paragraphs(practice.feedback),
  );
}

function buildWelcome({ sheet, state, practised, minutes, begin, practise }) {
  const { settings, entries } = sheet;
  const numOpen = entries.filter((entry) => !(entry.item in state)).length;
  const hasPractice = settings.practice.length > 0;
  const isStarted = numOpen < entries.length;
  const mayBegin = practised || !hasPractice;
  const facts = [
    `${plural(numOpen, "item")}${isStarted ? " to go" : ""}, ${minutes} in all; pause whenever you like and come back later.`,
    "Your answers are kept as you go. You can go back to any item and change it.",
    hasPractice && !practised ? `First a practice round of ${plural(settings.practice.length, "item")}, with an explanation after each.` : null,
  ];
  return make(
    "section",
    { class: "sheet", "aria-labelledby": "heading" },
    quoted("h2", settings.title, { id: "heading", tabindex: "-1" }),
    ...paragraphs(settings.instructions),
    make("ul", { class: "facts" }, ...facts.filter(Boolean).map((fact) => make("li", {}, fact))),
    make(
      "div",
      { class: "row" },
      mayBegin ? button(isStarted ? "Continue" : "Begin", "primary", begin) : null,
      hasPractice ? button(practised ? "Practise again" : "Start the practice round", mayBegin ? "quiet" : "primary", practise) : null,
    ),
  );
}

function buildPractised(begin, again) {
  return make(
    "section",
    { class: "sheet", "aria-labelledby": "heading" },
    make("h2", { id: "heading", tabindex: "-1" }, "That was the practice round"),
    make("p", {}, "From now on your answers count. There is no right answer to find any more: say what you think."),
    make("div", { class: "row" }, button("Begin", "primary", begin), button("Practise again", "quiet", again)),
  );
}
