// A pause, the end, and what a page that is a file gives back.
function buildSaving(ledger) {
  if (!ledger.download) return null;
  return make(
    "div",
    { class: "saving" },
    make("p", {}, "Your ratings are in this browser only. Save them to a file and send the file to the person who invited you."),
    button("Save my ratings", "primary", () => { ledger.download(); announce("Your ratings were saved to a file."); }),
  );
}

function buildPause(resume, ledger) {
  return make(
    "section",
    { class: "sheet pause", "aria-label": "Pause" },
    make("h2", { tabindex: "-1" }, "Paused"),
    make("p", {}, "The clock stands still. You may close the page and come back another day: it goes on here."),
    make("div", { class: "row" }, button("Resume", "primary", resume, "P")),
    buildSaving(ledger),
  );
}

function tellEnd(ledger) {
  if (ledger.download) return "";
  return ledger.isUnsaved
    ? "Not everything is saved yet: please keep this page open until it is."
    : "Everything is saved. You can close the page.";
}

function buildEnd(numItems, ledger, review) {
  return make(
    "section",
    { class: "sheet end", "aria-labelledby": "heading" },
    make("p", { class: "done-mark", "aria-hidden": "true" }, "✓"),
    make("h2", { id: "heading", tabindex: "-1" }, "Thank you!"),
    make("p", {}, `You have judged ${numItems === 1 ? "the one item" : `all ${numItems} items`}.`),
    make("p", { id: "end-status", role: "status" }, tellEnd(ledger)),
    buildSaving(ledger),
    make("div", { class: "row" }, button("Look through my answers", "quiet", review)),
  );
}

function buildChoice(numbers, choose) {
  return make(
    "section",
    { class: "sheet", "aria-labelledby": "heading" },
    make("h2", { id: "heading", tabindex: "-1" }, "Which rater are you?"),
    make("p", {}, "The person who invited you told you a number."),
    make("div", { class: "row raters" }, ...numbers.map((number) => button(`Rater ${number}`, "quiet", () => choose(number)))),
  );
}

function buildProblem(heading, sentence) {
  return make(
    "section",
    { class: "sheet", "aria-labelledby": "heading" },
    make("h2", { id: "heading", tabindex: "-1" }, heading),
    make("p", { role: "alert" }, plain(sentence)),
  );
}
