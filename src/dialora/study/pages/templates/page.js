// One rater's way through the sheet: welcome, practice, items, end; and all that may happen on it.
class RaterPage {
  constructor(memory) {
    this.memory = memory;
    this.preferences = new Preferences(memory);
    this.pace = new Pace(memory);
    this.clock = new Clock();
    this.main = find("work");
    this.view = "none";
    this.opened = new Set();
    this.isPaused = false;
  }

  start(sheet, ledger) {
    Object.assign(this, { sheet, ledger, settings: sheet.settings, entries: sheet.entries });
    const kinds = [...new Set(this.entries.map((entry) => entry.kind))];
    fillHelp(this.settings, kinds, this.preferences);
    for (const id of ["overview-open", "pause", "help-open"]) find(id).hidden = false;
    find("overview-open").addEventListener("click", () => this.openOverview());
    find("pause").addEventListener("click", () => this.togglePause());
    find("help-open").addEventListener("click", () => find("help").showModal());
    for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove", "scroll"]) {
      document.addEventListener(type, () => this.clock.touch(), { passive: true, capture: true });
    }
    document.addEventListener("keydown", (event) => pressKey(this, event));
    document.addEventListener("visibilitychange", () => this.turn());
    window.addEventListener("focus", () => ledger.refresh());
    if (document.hidden) this.clock.hold("hidden");
    window.addEventListener("pagehide", () => this.keep());
    window.addEventListener("beforeunload", (event) => { if (ledger.isUnsaved) event.preventDefault(); });
    this.update();
    if (Object.keys(ledger.state).length) this.goOn();
    else this.welcome();
    ledger.flush?.();
  }

  turn() {
    if (document.hidden) {
      this.keep();
      this.clock.hold("hidden");
    } else {
      this.clock.release("hidden");
      this.ledger.refresh();
    }
  }

  get entry() {
    return this.entries[this.at];
  }

  isDone(entry) {
    return entry.item in this.ledger.state;
  }

  // Where the first open item is; -1 where none is left.
  get frontier() {
    return this.entries.findIndex((entry) => !this.isDone(entry));
  }

  put(view, node) {
    this.keep();
    this.view = view;
    this.form = null;
    this.clock.hold("elsewhere");
    this.main.replaceChildren(node);
    document.body.dataset.view = view;
    window.scrollTo(0, 0);
    find("heading").focus({ preventScroll: true });
    this.update();
  }

  welcome() {
    const { state, practised } = this.ledger;
    const open = this.entries.filter((entry) => !this.isDone(entry));
    const minutes = tellMinutes(this.pace.estimate(open));
    this.put("welcome", buildWelcome({
      sheet: this.sheet, state, practised, minutes, begin: () => this.goOn(), practise: () => this.practise(0),
    }));
  }

  practise(at) {
    const practice = this.settings.practice[at];
    const { node, form, dock } = this.buildItem(practiceEntry(practice), {}, `Practice ${at + 1} of ${this.settings.practice.length}`);
    const leave = this.ledger.practised ? button("Leave the practice", "quiet", () => this.goOn()) : null;
    let isChecked = false;
    const go = button("Check", "primary", () => {
      if (isChecked) {
        if (at + 1 < this.settings.practice.length) this.practise(at + 1);
        else this.endPractice();
      } else if (form.read() === null) {
        this.complain();
      } else {
        isChecked = true;
        this.warn("");
        const feedback = buildFeedback(form, practice);
        dock.before(feedback);
        go.querySelector("span").textContent = "Next";
        feedback.focus({ preventScroll: true });
        feedback.scrollIntoView({ block: "nearest" });
      }
    }, "↵");
    dock.querySelector(".actions").append(make("span", { class: "gap" }), leave ?? "", go);
    this.put("practice", node);
    this.form = form;
    this.next = () => go.click();
  }

  endPractice() {
    if (!this.ledger.practised) this.ledger.add(newEvent("practised", null, null, null));
    this.put("practised", buildPractised(() => this.goOn(), () => this.practise(0)));
  }

  goOn() {
    if (this.frontier < 0) this.end();
    else this.show(this.frontier);
  }

  show(at) {
    this.keep();
    this.form = null;
    this.at = at;
    const { entry } = this;
    const known = this.memory.get(`item:${entry.item}`, {});
    const answer = this.ledger.state[entry.item] ?? null;
    const { node, form, dock } = this.buildItem(entry, known.draft ?? answer ?? {}, `Item ${at + 1} of ${this.entries.length}`);
    const isLater = this.frontier >= 0 && this.frontier !== at;
    const isLast = this.entries.every((one, other) => other === at || this.isDone(one)) && (!answer || at + 1 === this.entries.length);
    dock.querySelector(".actions").append(
      at > 0 ? button("Back", "quiet back", () => this.back(), "U") : "",
      answer ? button("Take this answer back", "quiet take", () => this.takeBack()) : "",
      make("span", { class: "gap" }),
      isLater ? button(`Go on at ${this.frontier + 1}`, "quiet on", () => { if (this.save()) this.goOn(); }) : "",
      button(isLast ? "Finish" : "Next", "primary next", () => this.next(), "↵"),
    );
    this.put("item", node);
    Object.assign(this, { form, wasAnswered: answer, isTouched: Boolean(known.draft) });
    this.next = () => {
      const wasOpen = !this.isDone(entry);
      if (this.save()) this.step(wasOpen);
    };
    this.clock.holds.delete("elsewhere");
    this.clock.begin(known.seconds ?? 0);
    if (!this.opened.has(entry.item)) {
      this.opened.add(entry.item);
      this.ledger.add(newEvent("opened", entry.item, null, null));
    }
  }

  buildItem(entry, draft, label) {
    const changed = (said) => {
      this.isTouched = true;
      this.warn("");
      this.keep();
      if (said) announce(said);
    };
    const form = entry.kind === "pairwise"
      ? new PairForm(entry, this.settings, draft, changed)
      : new RatingForm(entry, this.settings, draft, changed, this.preferences);
    const heading = make(
      "h2", { id: "heading", tabindex: "-1" }, make("span", { class: "eyebrow" }, label), make("span", { class: "unseen" }, ": "), form.question,
    );
    const dock = make("div", { class: "dock" }, make("p", { class: "warning", role: "alert", id: "warning" }), form.choices, form.extra, make("div", { class: "actions" }));
    const judging = make("div", { class: "judging" }, form.body, dock);
    const node = make(
      "section", { class: `item ${entry.kind}`, "aria-labelledby": "heading" }, heading,
      make("div", { class: "columns" }, buildDialogue(entry.dialogue), judging),
    );
    return { node, form, dock };
  }

  warn(text) {
    const node = find("warning");
    if (node) node.textContent = text;
  }

  complain() {
    this.warn(this.form.missing());
    this.form.focusMissing();
  }

  // Put the answer into the ledger where it is a new one. Whether the item may be left.
  save() {
    const answer = this.form.read();
    if (answer === null) {
      this.complain();
      return false;
    }
    const { item, kind } = this.entry;
    if (canonical(answer) !== canonical(this.ledger.state[item] ?? null)) {
      const seconds = Math.min(this.clock.seconds(), 86400);
      if (!this.isDone(this.entry)) this.pace.note(kind, seconds);
      this.isTouched = false;
      this.wasAnswered = answer;
      this.memory.set(`item:${item}`, { seconds });
      this.ledger.add(newEvent("answered", item, answer, seconds));
    } else if (this.isTouched) {
      this.isTouched = false;
      this.keep();
    }
    return true;
  }

  // From a new answer to the next open item; from one that was looked at again to its neighbour.
  step(wasOpen) {
    if (!wasOpen && this.at + 1 < this.entries.length && (this.frontier < 0 || this.at < this.frontier)) this.show(this.at + 1);
    else this.goOn();
  }

  back() {
    if (this.view === "end") this.show(this.entries.length - 1);
    else if (this.view === "item" && this.at > 0) this.leave(this.at - 1);
  }

  // A changed answer that is whole counts also where one goes another way than on.
  leave(at) {
    if (this.view === "item" && this.form && this.isTouched && this.form.read() !== null) this.save();
    this.show(at);
  }

  takeBack() {
    const { item } = this.entry;
    const seconds = this.clock.seconds();
    this.form = null;
    this.memory.set(`item:${item}`, { seconds });
    this.ledger.add(newEvent("undone", item, null, seconds));
    this.show(this.at);
    announce("Answer taken back.");
  }

  // The draft and the time of the item that is shown, for a page that is closed in between.
  keep() {
    if (this.view !== "item" || !this.form) return;
    const draft = this.isTouched ? { draft: this.form.draft() } : {};
    this.memory.set(`item:${this.entry.item}`, { ...draft, seconds: this.clock.seconds() });
  }

  togglePause() {
    if (!["item", "practice"].includes(this.view)) return;
    this.isPaused = !this.isPaused;
    const item = this.main.querySelector(".item");
    item.hidden = this.isPaused;
    document.body.classList.toggle("is-paused", this.isPaused);
    find("pause-label").textContent = this.isPaused ? "Resume" : "Pause";
    this.main.querySelector(".pause")?.remove();
    if (this.isPaused) {
      this.keep();
      this.clock.hold("pause");
      this.main.append(buildPause(() => this.togglePause(), this.ledger));
      this.main.querySelector(".pause h2").focus();
    } else {
      this.clock.release("pause");
      find("heading").focus({ preventScroll: true });
      this.update();
    }
  }

  end() {
    this.put("end", buildEnd(this.entries.length, this.ledger, () => this.openOverview()));
  }

  openOverview() {
    const { frontier } = this;
    const isBusy = ["item", "end"].includes(this.view) || this.ledger.practised || !this.settings.practice.length;
    find("overview-list").replaceChildren(...this.entries.map((entry, at) => {
      const isDone = this.isDone(entry);
      const isHere = this.view === "item" && at === this.at;
      const go = make("button", {
        type: "button", class: isDone ? "is-done" : "", disabled: !isBusy || !(isDone || at === frontier || isHere),
        "aria-label": `Item ${at + 1}, ${isDone ? "answered" : "open"}`, "aria-current": isHere ? "step" : false,
        onclick: () => { find("overview").close(); if (this.isPaused) this.togglePause(); this.leave(at); },
      }, String(at + 1));
      return make("li", {}, go);
    }));
    find("overview").showModal();
  }

  // Something changed in the ledger: here, in another tab, or at the server.
  update() {
    const open = this.entries.filter((entry) => !this.isDone(entry));
    paintProgress(this.entries.length - open.length, this.entries.length, this.pace.estimate(open));
    paintStatus(this.ledger);
    if (this.view === "end") {
      if (open.length) this.goOn();
      else find("end-status").textContent = tellEnd(this.ledger);
    }
    if (this.view !== "item" || !this.form || this.isTouched || this.isPaused) return;
    const now = this.ledger.state[this.entry.item] ?? null;
    if (canonical(now) === canonical(this.wasAnswered)) return;
    if (this.wasAnswered === null) this.goOn();
    else this.show(this.at);
  }
}
