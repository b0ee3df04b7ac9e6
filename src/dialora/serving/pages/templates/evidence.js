// Sentences and the turns they were taken from: what is pointed at lights up on both sides, until another is.
class Evidence {
  constructor(conversation) {
    this.conversation = conversation;
    this.sentences = []; // { node, button, turns, color }
    this.pinned = null;
    this.lit = [];
    const { list } = conversation;
    const pointed = (event) => event.target.closest?.("[data-turn]");
    list.addEventListener("mouseover", (event) => pointed(event) && this.showTurn(Number(pointed(event).dataset.turn)));
    list.addEventListener("mouseleave", () => this.restore());
    list.addEventListener("click", (event) => pointed(event) && this.showTurn(Number(pointed(event).dataset.turn)));
  }

  // A sentence with the numbers of its turns at its end; the numbers are what a keyboard reaches.
  add(node, turns, color) {
    if (!turns.length) return;
    const numbers = turns.map((at) => at + 1);
    const button = make("button", {
      type: "button", class: "refs", "aria-pressed": "false", "aria-label": `Taken from ${numbers.length === 1 ? "turn" : "turns"} ${numbers.join(", ")}`,
    }, numbers.join(", "));
    const sentence = { node, button, turns, color };
    node.classList.add("has-turns");
    node.addEventListener("mouseenter", () => this.show(sentence));
    node.addEventListener("mouseleave", () => this.restore());
    node.addEventListener("click", () => this.pin(sentence)); // the button's too
    button.addEventListener("focus", () => this.show(sentence));
    button.addEventListener("blur", () => this.restore());
    this.sentences.push(sentence);
    node.append(keepTogether(node, button));
  }

  pin(sentence) {
    // Text that is being selected is not meant to be held.
    if (String(getSelection()) && document.activeElement !== sentence.button) return;
    const before = this.pinned;
    this.pinned = before === sentence ? null : sentence;
    before?.button.setAttribute("aria-pressed", "false");
    if (this.pinned === null) return this.restore();
    sentence.button.setAttribute("aria-pressed", "true");
    this.show(sentence);
    announce(plain(sentence.turns.map((at) => this.conversation.describe(at)).join(" ")));
  }

  release() {
    this.pinned?.button.setAttribute("aria-pressed", "false");
    this.pinned = null;
    this.clear();
  }

  restore() {
    if (this.pinned) this.show(this.pinned);
    else this.clear();
  }

  show(sentence) {
    this.clear();
    this.light(sentence.node, sentence.color);
    sentence.turns.forEach((at, rank) => this.light(this.conversation.find(at), sentence.color, rank === 0));
    this.conversation.reveal(sentence.turns[0]);
  }

  showTurn(at) {
    this.clear();
    for (const sentence of this.sentences.filter((one) => one.turns.includes(at))) {
      this.light(sentence.node, sentence.color);
      this.light(this.conversation.find(at), sentence.color);
    }
  }

  light(node, color, isFirst = false) {
    node.classList.add("is-lit", color);
    node.classList.toggle("is-first", isFirst);
    this.lit.push([node, color]);
  }

  clear() {
    for (const [node, color] of this.lit) node.classList.remove("is-lit", "is-first", color);
    this.lit = [];
  }
}

// The last word with what follows it: numbers alone on a line would belong to nothing.
function keepTogether(node, button) {
  const last = node.lastChild;
  const text = last.nodeType === Node.TEXT_NODE ? last.data : "";
  const word = /\S{1,24}$/u.exec(text)?.[0] ?? "";
  if (word) last.data = text.slice(0, text.length - word.length);
  return make("span", { class: "unbroken" }, word, button);
}
