// A card for each system: its summary with what it was taken from, and how it was made.
const REMARKS = { length: "cut off at the longest summary allowed", empty: "nothing was said" };

// Colours are those of reports: grey for what had no training, the others in their order.
function chooseColors(systems) {
  const isUntrained = (system) => system.name === "zero_shot" || system.label === "Original";
  const untrained = systems.find(isUntrained);
  const others = systems.filter((system) => system !== untrained);
  return new Map(systems.map((system) => [
    system.name, system === untrained ? "system-untrained" : `system-${others.indexOf(system) % 4}`,
  ]));
}

// Systems of one label are told apart by their names.
function tellApart(systems) {
  const isTwice = (label) => systems.filter((one) => one.label === label).length > 1;
  return systems.map((one) => (isTwice(one.label) ? { ...one, label: `${one.label} (${one.name})` } : one));
}

function buildHeading(system, color, id) {
  return make("h3", { id, class: color }, make("i", { class: "swatch" }), make("bdi", {}, plain(system.label)));
}

function describeSystem(system) {
  const base = system.base && system.base !== system.label ? `on ${system.base}` : "";
  const length = system.max_source_length ? `reads ${system.max_source_length.toLocaleString("en")} tokens at once` : "";
  return [base, length].filter(Boolean).join(", ");
}

function buildWaitingCard(system, color, at) {
  return make(
    "article", { class: `card ${color}`, "aria-labelledby": `system-${at}` },
    make("header", {}, buildHeading(system, color, `system-${at}`)),
    quoted("p", describeSystem(system), { class: "remarks" }),
  );
}

function buildCard(system, summary, color, at, evidence) {
  const copy = make("button", { type: "button", class: "copy", "aria-label": `Copy the summary of ${plain(system.label)}` }, "Copy");
  copy.addEventListener("click", () => copyText(summary.text, copy));
  const text = summary.text.trim()
    ? buildText(summary, color, evidence)
    : make("p", { class: "nothing" }, "(no summary)");
  return make(
    "article", { class: `card ${color}`, "aria-labelledby": `system-${at}` },
    make("header", {}, buildHeading(system, color, `system-${at}`), summary.text.trim() ? copy : null),
    text,
    summary.unsupported.length ? buildMissing(summary.unsupported) : null,
    make("p", { class: "remarks" }, describeMaking(summary)),
  );
}

function describeMaking(summary) {
  const remarks = [tellSeconds(summary.seconds)];
  if (summary.num_parts > 1) remarks.push(`read in ${summary.num_parts} parts`);
  if (summary.truncated) remarks.push("the end of the conversation was not read");
  if (REMARKS[summary.finish_reason]) remarks.push(REMARKS[summary.finish_reason]);
  return remarks.join(" · ");
}

function tellSeconds(seconds) {
  if (seconds < 0.01) return "less than 0.01 s";
  return seconds < 10 ? `${seconds.toFixed(2)} s` : `${seconds.toFixed(0)} s`;
}

function buildMissing(places) {
  const words = [...new Set(places.map((place) => place.text))];
  const list = words.flatMap((word, at) => [at ? ", " : "", make("bdi", { class: "word" }, plain(word))]);
  return make("p", { class: "missing" }, "Not in the conversation: ", ...list);
}

// Places are counted in characters, of which JavaScript counts some twice.
function buildText(summary, color, evidence) {
  const characters = [...summary.text];
  const cut = (start, end) => characters.slice(start, end).join("");
  const paragraph = make("p", { class: "summary-text", dir: "auto" });
  let end = 0;
  for (const sentence of summary.sentences) {
    if (sentence.start < end) continue;
    paragraph.append(...mark(cut, end, sentence.start, summary.unsupported));
    const node = make("span", { class: "sentence" }, ...mark(cut, sentence.start, sentence.end, summary.unsupported));
    evidence.add(node, sentence.turns, color);
    paragraph.append(node);
    end = sentence.end;
  }
  paragraph.append(...mark(cut, end, characters.length, summary.unsupported));
  return paragraph;
}

// The text from start to end, in which what nobody said is underlined.
function mark(cut, start, end, places) {
  const nodes = [];
  let at = start;
  for (const place of places) {
    if (place.start < at || place.end > end) continue;
    nodes.push(plain(cut(at, place.start)), make(
      "u", { class: "unsupported", title: "Not in the conversation" },
      plain(cut(place.start, place.end)), make("span", { class: "unseen" }, " (not in the conversation)"),
    ));
    at = place.end;
  }
  nodes.push(plain(cut(at, end)));
  return nodes;
}

async function copyText(text, button) {
  const isDone = await writeClipboard(text);
  button.textContent = isDone ? "Copied" : "Not copied";
  announce(isDone ? "Copied." : "The browser did not let the page copy: select the text instead.");
  setTimeout(() => { button.textContent = "Copy"; }, 2_000);
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https and beyond this machine there is no clipboard but the old one.
    const field = make("textarea", { class: "unseen", readonly: true, "aria-hidden": "true" });
    const focused = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    focused?.focus({ preventScroll: true });
    return isDone;
  }
}
