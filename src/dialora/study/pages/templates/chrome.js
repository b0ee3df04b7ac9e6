// What surrounds the work: theme, progress, what is saved, dialogs, and the rater's habits.
const SPEED = { pairwise: 35, rating: 60 };
const STATUS = {
  [SAVED]: "Saved",
  [SAVING]: "Saving …",
  [RETRYING]: "Not saved yet, retrying",
  [REFUSED]: "Not accepted",
  [FORGETFUL]: "This browser keeps nothing: save your ratings before you close the page",
};

class Preferences {
  constructor(memory) {
    this.memory = memory;
    this.values = memory.get("preferences", {});
  }

  set(values) {
    Object.assign(this.values, values);
    this.memory.set("preferences", this.values);
  }

  // Examples are in view until they are known; on a phone they would push the scales apart.
  get hasExamples() {
    return this.values.examples ?? window.matchMedia("(min-width: 60rem)").matches;
  }

  get hasKeys() {
    return this.values.keys ?? true;
  }
}

function setUpTheme(memory) {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let theme = memory.get("theme");
  const paint = () => {
    const isDark = theme === null ? dark.matches : theme === "dark";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    find("theme-label").textContent = isDark ? "Light" : "Dark";
    find("theme").setAttribute("aria-label", isDark ? "Use light colours" : "Use dark colours");
  };
  dark.addEventListener("change", paint);
  find("theme").addEventListener("click", () => {
    theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    memory.set("theme", theme);
    paint();
  });
  paint();
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

// How fast the rater is, from the last answers; before there are some, what is usual.
class Pace {
  constructor(memory) {
    this.memory = memory;
  }

  note(kind, seconds) {
    const known = this.memory.get("pace", {});
    this.memory.set("pace", { ...known, [kind]: [...(known[kind] ?? []), seconds].slice(-20) });
  }

  estimate(entries) {
    const known = this.memory.get("pace", {});
    const speed = (kind) => ((known[kind] ?? []).length >= 3 ? median(known[kind]) : SPEED[kind]);
    return entries.reduce((sum, entry) => sum + speed(entry.kind), 0);
  }
}

function paintProgress(numDone, numAll, secondsLeft) {
  find("progress").hidden = false;
  find("bar").max = Math.max(1, numAll);
  find("bar").value = numDone;
  find("count").textContent = `${numDone} of ${numAll}`;
  find("left").textContent = numDone < numAll ? `${tellMinutes(secondsLeft)} left` : "all done";
}

function paintStatus(ledger) {
  const node = find("saved");
  const { status, message } = ledger;
  const text = status === SAVED && ledger.download ? "Kept in this browser" : STATUS[status];
  const before = node.dataset.status;
  node.dataset.status = status;
  const full = status === REFUSED || (status === RETRYING && message) ? `${text}: ${plain(message)}` : text;
  if (node.textContent !== full) node.textContent = full;
  const isTrouble = (one) => one === RETRYING || one === REFUSED || one === FORGETFUL;
  if (before === status) return;
  if (isTrouble(status)) announce(full);
  else if (isTrouble(before) && status === SAVED) announce("Everything is saved.");
}

const KEYS = {
  pairwise: [["A or 1", "A is better"], ["B or 2", "B is better"], ["T or 3", "equally good"], ["N or 4", "both bad"]],
  rating: [["1 to 5", "score of the criterion that has the focus, else of the next open one"],
    ["← →", "move in a scale, or from word to word; with Shift over several words"]],
};
const COMMON = [["Enter", "next item (in a text field: Ctrl + Enter)"], ["U", "back to the item before"],
  ["P", "pause and go on"], ["?", "this help"]];

function describeKinds(kinds) {
  if (!kinds.length) return [];
  const rows = kinds.map((kind) => make(
    "div", {}, quoted("dt", kind.label), quoted("dd", kind.definition), kind.example ? quoted("dd", kind.example, { class: "example" }) : null,
  ));
  return [make("h3", {}, "Kinds of errors"), make("dl", { class: "kinds" }, ...rows)];
}

function fillHelp(settings, kinds, preferences) {
  const toggle = make("input", {
    type: "checkbox", id: "has-keys", onchange: (event) => preferences.set({ keys: event.target.checked }),
  });
  toggle.checked = preferences.hasKeys;
  const rows = [...kinds.flatMap((kind) => KEYS[kind]), ...COMMON];
  find("help-body").replaceChildren(
    make("h3", {}, "What to do"),
    ...paragraphs(settings.instructions),
    ...describeKinds(settings.error_kinds),
    make("h3", {}, "Keys"),
    make("dl", { class: "keys" }, ...rows.map(([key, meaning]) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, meaning)))),
    make("label", { class: "check" }, toggle, " Single keys work (switch off if they get in the way of a reader or voice control)"),
  );
}
