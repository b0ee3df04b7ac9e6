// The words of a text, of which some are marked as wrong. Marks are `[start, stop)` in words and do not overlap.
class Marks {
  constructor(text, words, kinds, marks, onchange) {
    Object.assign(this, { words, kinds, onchange, marks: marks.map((mark) => ({ ...mark })) });
    this.anchor = null;
    this.focus = 0;
    this.chips = [];
    this.spans = words.map((word, at) => make(
      "span",
      { role: "option", class: "word", "data-at": at, tabindex: at ? "-1" : "0", "aria-selected": "false" },
      plain(word),
    ));
    this.text = make("p", {
      class: "text words", role: "listbox", "aria-multiselectable": "true", "aria-describedby": "marking",
      "aria-label": "Words of the summary",
    });
    this.fill(text);
    this.list = make("ul", { class: "marks", "aria-label": "Marked words" });
    this.menu = make("div", { class: "menu", role: "menu", hidden: true });
    this.hint = make(
      "p",
      { class: "hint", id: "marking" },
      "Is something wrong? Click or tap the word, or drag over several, and say what it is. ",
      make("span", { class: "desk" }, "By keyboard: arrow keys, with Shift for several, then Enter."),
    );
    this.node = make("div", { class: "marking" }, this.text, this.menu, this.hint, this.list);
    this.leave = (event) => { if (!this.node.contains(event.target)) this.close(); };
    this.listen();
    this.paint();
  }

  // White space stays as it was written: line breaks are part of a text.
  fill(text) {
    let from = 0;
    this.words.forEach((word, at) => {
      const start = text.indexOf(word, from);
      if (at) this.text.append(start > from ? plain(text.slice(from, start)) : " ");
      this.text.append(this.spans[at]);
      from = start < 0 ? from : start + word.length;
    });
    // Now, not before: with each node the browser would work out the direction of the whole text again.
    this.text.dir = "auto";
  }

  listen() {
    this.text.addEventListener("pointerdown", (event) => this.down(event));
    this.text.addEventListener("pointermove", (event) => this.move(event));
    this.text.addEventListener("pointerup", (event) => this.up(event));
    this.text.addEventListener("pointercancel", () => this.close());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.menu.addEventListener("keydown", (event) => this.menuKey(event));
    this.node.addEventListener("focusout", (event) => {
      // A press on a word moves the focus from the menu: that is a longer range, no leaving.
      if (!this.isDown && event.relatedTarget && !this.node.contains(event.relatedTarget)) this.close();
    });
  }

  find(event) {
    const node = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".word");
    return node && this.text.contains(node) ? Number(node.dataset.at) : null;
  }

  down(event) {
    const at = this.find(event);
    if (at === null || event.button !== 0) return;
    event.preventDefault();
    this.text.setPointerCapture(event.pointerId);
    this.isDown = true;
    // A second press while the menu is open, or one with Shift, makes the range longer.
    if (this.anchor === null || (this.menu.hidden && !event.shiftKey)) this.anchor = at;
    this.select(at);
  }

  move(event) {
    const at = this.isDown ? this.find(event) : null;
    if (at !== null && at !== this.focus) this.select(at);
  }

  up(event) {
    if (!this.isDown) return;
    this.isDown = false;
    swallowClick(event);
    this.open();
  }

  get range() {
    return [Math.min(this.anchor, this.focus), Math.max(this.anchor, this.focus) + 1];
  }

  select(at) {
    this.spans[this.focus].tabIndex = -1;
    this.focus = at;
    this.spans[at].tabIndex = 0;
    this.paint();
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      if (!event.shiftKey) this.anchor = null;
      else this.anchor ??= this.focus;
      const isReversed = getComputedStyle(this.text).direction === "rtl" && /Left|Right/u.test(event.key);
      const last = this.words.length - 1;
      this.select(Math.max(0, Math.min(last, this.focus + (isReversed ? -step : step))));
      this.spans[this.focus].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.anchor ??= this.focus;
      this.open();
    } else if (event.key === "Escape" && this.anchor !== null) {
      this.close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  open() {
    const [start, stop] = this.range;
    const words = this.words.slice(start, stop).join(" ");
    const isMarked = this.overlapping(start, stop).length > 0;
    const remove = make(
      "button",
      { type: "button", role: "menuitem", class: "plain", onclick: () => this.put(null) },
      make("span", {}, "Remove the mark"),
    );
    const cancel = make(
      "button",
      { type: "button", role: "menuitem", class: "plain", onclick: () => this.close(true) },
      make("span", {}, "Cancel"),
      make("kbd", { "aria-hidden": "true" }, "Esc"),
    );
    this.menu.replaceChildren(
      make("p", {}, "What is wrong with ", quoted("q", shorten(words)), "?"),
      ...this.kinds.map((kind, at) => make(
        "button",
        { type: "button", role: "menuitem", onclick: () => this.put(kind.key) },
        make("span", {}, quoted("b", kind.label), quoted("small", kind.definition)),
        at < 9 ? make("kbd", { "aria-hidden": "true" }, String(at + 1)) : null,
      )),
      make("div", { class: "row" }, isMarked ? remove : null, cancel),
    );
    this.menu.setAttribute("aria-label", `What is wrong with ${plain(words)}?`);
    this.menu.hidden = false;
    document.addEventListener("pointerdown", this.leave);
    this.paint();
    this.place(this.spans[stop - 1]);
    this.menu.querySelector("button").focus({ preventScroll: true });
  }

  place(word) {
    const box = this.node.getBoundingClientRect(), rect = word.getBoundingClientRect();
    const left = Math.max(0, Math.min(rect.left - box.left - 24, box.width - this.menu.offsetWidth));
    this.menu.style.setProperty("--left", `${left}px`);
    this.menu.style.setProperty("--top", `${rect.bottom - box.top + 8}px`);
    // On a phone the menu lies at the bottom: the words that it is about stay in view above it.
    if (getComputedStyle(this.menu).position !== "fixed") this.menu.scrollIntoView({ block: "nearest" });
    else if (rect.bottom > this.menu.getBoundingClientRect().top) word.scrollIntoView({ block: "start" });
  }

  menuKey(event) {
    const items = [...this.menu.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    event.stopPropagation();
    if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    else if (event.key === "Escape") this.close(true);
    else if (/^[1-9]$/u.test(event.key) && this.kinds[event.key - 1]) this.put(this.kinds[event.key - 1].key);
    else if (event.key !== "Tab") return;
    else this.close(true);
    event.preventDefault();
  }

  overlapping(start, stop) {
    return this.marks.filter((mark) => mark.start < stop && start < mark.stop);
  }

  // Mark the range; what it meets of other marks gives way. A kind of null only removes.
  put(kind) {
    const [start, stop] = this.range;
    const met = this.overlapping(start, stop);
    this.marks = this.marks.filter((mark) => !met.includes(mark));
    if (kind !== null) this.marks.push({ start, stop, kind });
    this.marks.sort((a, b) => a.start - b.start);
    this.close(true);
    this.onchange(kind === null ? "Mark removed." : `Marked: ${this.labelOf(kind)}.`);
  }

  close(returnsFocus = false) {
    this.isDown = false;
    this.anchor = null;
    this.menu.hidden = true;
    document.removeEventListener("pointerdown", this.leave);
    this.paint();
    if (returnsFocus) this.spans[this.focus].focus({ preventScroll: true });
  }

  labelOf(key) {
    return plain(this.kinds.find((kind) => kind.key === key)?.label ?? key);
  }

  paint() {
    const [start, stop] = this.anchor === null ? [0, 0] : this.range;
    this.chips.forEach((chip) => chip.remove());
    this.chips = [];
    for (const span of this.painted ?? []) {
      span.classList.remove("is-selected", "is-marked", "is-first", "is-last");
      span.setAttribute("aria-selected", "false");
      span.removeAttribute("aria-description");
    }
    this.painted = this.spans.slice(start, stop);
    for (const span of this.painted) {
      span.classList.add("is-selected");
      span.setAttribute("aria-selected", "true");
    }
    for (const mark of this.marks) {
      for (const span of this.spans.slice(mark.start, mark.stop)) {
        span.classList.add("is-marked");
        span.setAttribute("aria-description", `marked: ${this.labelOf(mark.kind)}`);
        this.painted.push(span);
      }
      this.spans[mark.start].classList.add("is-first");
      this.spans[mark.stop - 1].classList.add("is-last");
      const chip = quoted("bdi", this.labelOf(mark.kind), { class: "chip", "aria-hidden": "true" });
      this.spans[mark.stop - 1].after(chip);
      this.chips.push(chip);
    }
    this.list.replaceChildren(...this.marks.map((mark) => this.describe(mark)));
    this.list.hidden = !this.marks.length;
  }

  describe(mark) {
    const words = this.words.slice(mark.start, mark.stop).join(" ");
    const remove = make("button", { type: "button", class: "quiet", "aria-label": `Remove the mark on ${plain(words)}` }, "Remove");
    remove.addEventListener("click", () => {
      this.marks = this.marks.filter((other) => other !== mark);
      this.paint();
      this.spans[mark.start].focus();
      this.onchange("Mark removed.");
    });
    return make("li", {}, quoted("q", shorten(words)), " ", quoted("b", this.labelOf(mark.kind)), remove);
  }
}

// The click of the press that opened the menu goes to whatever lies under the finger by then: the menu, on a phone.
function swallowClick(press) {
  const done = () => {
    document.removeEventListener("click", swallow, true);
    document.removeEventListener("pointerdown", done, true);
  };
  const swallow = (event) => {
    done();
    // Keys and screen readers click without a press before: at most one so soon after a finger was lifted is its own.
    if (!event.detail || event.timeStamp - press.timeStamp > 1000) return;
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("click", swallow, true);
  document.addEventListener("pointerdown", done, true);
}

function shorten(text) {
  return text.length > 90 ? `${text.slice(0, 60)} … ${text.slice(-25)}` : text;
}
