// The browser of dialogues: filters, sorts and pages the embedded JSON. Data reaches the page as text nodes only.
(() => {
  "use strict";

  const PAGE_SIZE = 10;
  const SPEAKER = /^\s*(?:#([^#\n]{1,30})#\s*[:：]|([^\s:：,!?][^:：,!?\n]{0,30}?)\s*(?::(?=\s|$)|：))\s*/u;
  const TURN_BREAK = /\r?\n|(?<=\s)(?=#Person\d+#:)/u;

  const cards = document.getElementById("cards");
  if (!cards) return;
  const search = document.getElementById("search");
  const sort = document.getElementById("sort");
  const { systems, examples } = JSON.parse(document.getElementById("browser-data").textContent);
  const collator = new Intl.Collator("en", { numeric: true });
  const known = (values) => values.filter((value) => value !== null);
  const items = examples.map((example, order) => {
    const scores = known(example.rouge1);
    return {
      ...example,
      order,
      best: Math.max(...scores),
      spread: scores.length > 1 ? Math.max(...scores) - Math.min(...scores) : null,
      haystack: fold([example.id, example.topic, example.dialogue, ...example.references, ...example.summaries].join("\n")),
    };
  });
  const byId = new Map(items.map((item) => [anchorOf(item), item]));
  let shown = items;
  let page = 0;
  let current = null;
  let terms = [];

  function fold(text) {
    return text.toLowerCase();
  }

  function anchorOf(item) {
    return `ex-${encodeURIComponent(item.id)}`;
  }

  function create(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  function compareKnown(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a - b);
  }

  function comparator(name) {
    const [kind, index] = name.split(":");
    if (kind === "best" || kind === "worst") {
      return (a, b) => compareKnown(a.rouge1[index], b.rouge1[index], kind === "best" ? -1 : 1) || a.order - b.order;
    }
    if (kind === "disagreement") return (a, b) => compareKnown(a.spread, b.spread, -1) || a.order - b.order;
    if (kind === "id") return (a, b) => collator.compare(a.id, b.id) || a.order - b.order;
    return (a, b) => a.order - b.order;
  }

  function update() {
    terms = fold(search.value).split(/\s+/u).filter(Boolean).sort((a, b) => b.length - a.length);
    shown = items.filter((item) => terms.every((term) => item.haystack.includes(term))).sort(comparator(sort.value));
    page = 0;
    current = null;
    draw();
  }

  function escapePattern(text) {
    return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  }

  function appendMarked(node, text) {
    if (!terms.length) {
      node.append(text);
      return node;
    }
    const pattern = terms.map(escapePattern).join("|");
    text.split(new RegExp(`(${pattern})`, "giu")).forEach((part, index) => {
      if (part) node.append(index % 2 ? create("mark", "", part) : part);
    });
    return node;
  }

  function appendChecked(node, text, unsupported) {
    if (!unsupported.length) return appendMarked(node, text);
    const escaped = [...unsupported].sort((a, b) => b.length - a.length).map(escapePattern).join("|");
    text.split(new RegExp(`(?<![\\p{L}\\p{N}])(${escaped})(?![\\p{L}\\p{N}])`, "u")).forEach((part, index) => {
      if (index % 2) {
        const word = create("u", "unsupported");
        word.title = "Not in the dialogue";
        node.append(appendMarked(word, part));
      } else if (part) {
        appendMarked(node, part);
      }
    });
    return node;
  }

  function drawTurns(dialogue) {
    const box = create("div", "turns");
    const speakers = [];
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Dialogue");
    for (const line of dialogue.split(TURN_BREAK)) {
      if (!line.trim()) continue;
      const match = SPEAKER.exec(line);
      const turn = create("div", "turn");
      turn.dir = "auto";
      if (match) {
        const name = (match[1] ?? match[2]).trim();
        if (!speakers.includes(name)) speakers.push(name);
        turn.classList.add(`speaker-${speakers.indexOf(name) % 4}`);
        turn.append(appendMarked(create("b"), name));
      }
      box.append(appendMarked(turn, match ? line.slice(match[0].length) : line));
    }
    if (!box.childNodes.length) box.append(drawNothing());
    return box;
  }

  function drawNothing() {
    return create("p", "nothing", cards.dataset.empty);
  }

  function drawText(title, text, className, unsupported = []) {
    const section = create("section", `text ${className}`, create("h4", "", create("bdi", "", title)));
    if (text.trim()) {
      const paragraph = appendChecked(create("p"), text.trim(), unsupported);
      paragraph.dir = "auto";
      section.append(paragraph);
    } else {
      section.append(drawNothing());
    }
    return section;
  }

  function drawSummary(item, system, index) {
    const section = drawText(system.label, item.summaries[index], "summary", item.unsupported?.[index]);
    const score = item.rouge1[index];
    section.style.setProperty("--c", system.color);
    const chip = create("span", "chip", score === null ? "–" : score.toFixed(3));
    chip.title = "ROUGE-1";
    chip.setAttribute("aria-label", `ROUGE-1 ${chip.textContent}`);
    if (score !== null && score === item.best && known(item.rouge1).length > 1) chip.classList.add("is-best");
    section.firstChild.append(chip);
    return section;
  }

  function drawCard(item) {
    const card = create("article", "card");
    card.id = anchorOf(item);
    card.tabIndex = -1;
    const link = create("a", "", create("bdi", "", item.id));
    link.href = `#${card.id}`;
    const header = create("header", "", create("h3", "", link));
    if (item.topic) header.append(create("bdi", "topic", item.topic));
    if (item.spread !== null) header.append(create("span", "spread", `${(100 * item.spread).toFixed(1)} points apart`));
    card.setAttribute("aria-label", `Dialogue ${item.id}`);
    const texts = create("div", "texts");
    item.references.forEach((reference, index) => {
      texts.append(drawText(item.references.length > 1 ? `Human ${index + 1}` : "Human", reference, "reference"));
    });
    systems.forEach((system, index) => {
      if (item.summaries[index] !== null) texts.append(drawSummary(item, system, index));
    });
    card.append(header, create("div", "columns", drawTurns(item.dialogue), texts));
    if (item === current) card.classList.add("is-current");
    return card;
  }

  function drawPager(pager) {
    const last = Math.max(0, Math.ceil(shown.length / PAGE_SIZE) - 1);
    const button = (text, target) => {
      const node = create("button", "", text);
      node.type = "button";
      node.disabled = target < 0 || target > last;
      node.addEventListener("click", () => {
        page = target;
        current = null;
        draw();
        document.getElementById("dialogues").scrollIntoView();
      });
      return node;
    };
    const first = page * PAGE_SIZE + 1;
    const range = `${first.toLocaleString("en")}–${Math.min(first + PAGE_SIZE - 1, shown.length).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
    pager.hidden = last === 0;
    pager.replaceChildren(button("Previous", page - 1), create("span", "", range), button("Next", page + 1));
  }

  function draw() {
    const total = items.length.toLocaleString("en");
    document.getElementById("matches").textContent =
      shown.length === items.length ? `${total} dialogues` : `${shown.length.toLocaleString("en")} of ${total} dialogues`;
    document.querySelectorAll("[data-pager]").forEach(drawPager);
    cards.replaceChildren(...shown.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE).map(drawCard));
  }

  function visit(item) {
    if (!shown.includes(item)) {
      search.value = "";
      update();
    }
    current = item;
    page = Math.floor(shown.indexOf(item) / PAGE_SIZE);
    draw();
    const card = document.getElementById(anchorOf(item));
    card.focus({ preventScroll: true });
    card.scrollIntoView();
    history.replaceState(null, "", `#${card.id}`);
  }

  function step(offset) {
    const from = current === null ? page * PAGE_SIZE + (offset > 0 ? -1 : 0) : shown.indexOf(current);
    const target = shown[from + offset];
    if (target) visit(target);
  }

  function visitHash() {
    const item = byId.get(location.hash.slice(1));
    if (item) visit(item);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.closest?.("input, select, textarea");
    if (event.key === "Escape" && event.target === search) search.blur();
    if (isTyping || (event.key.startsWith("Arrow") && event.target.closest?.(".scroll"))) return;
    const offset = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
    if (offset) {
      event.preventDefault();
      step(offset);
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    }
  });

  systems.forEach((system, index) => {
    const group = create("optgroup");
    group.label = system.label;
    for (const kind of ["best", "worst"]) group.append(new Option(`${system.label}: ${kind} first`, `${kind}:${index}`));
    sort.append(group);
  });
  search.addEventListener("input", update);
  sort.addEventListener("change", update);
  window.addEventListener("hashchange", visitHash);
  update();
  visitHash();
})();
