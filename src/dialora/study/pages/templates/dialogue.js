// A dialogue turn by turn. A speaker has a colour and a shape, and the name stands at every turn.
const SPEAKER = /^\s*(?:#([^#\n]{1,30})#\s*[:：]|([^\s:：,!?][^:：,!?\n]{0,30}?)\s*(?::(?=\s|$)|：))\s*/u;
const SHAPES = ["●", "■", "▲", "◆", "▼", "★"];

function splitTurns(dialogue) {
  return dialogue.replace(/\r\n?/gu, "\n").split("\n").filter((line) => line.trim()).map((line) => {
    const match = SPEAKER.exec(line);
    return match
      ? { speaker: (match[1] ?? match[2]).trim(), text: line.slice(match[0].length) }
      : { speaker: null, text: line };
  });
}

function buildDialogue(dialogue) {
  const turns = splitTurns(dialogue);
  const speakers = [...new Set(turns.map((turn) => turn.speaker).filter((name) => name !== null))];
  const list = make("ol", { class: "turns" });
  for (const { speaker, text } of turns) {
    const at = speakers.indexOf(speaker) % SHAPES.length;
    const name = speaker === null ? null : make(
      "b",
      { class: `speaker speaker-${at}` },
      make("span", { class: "shape", "aria-hidden": "true" }, SHAPES[at]),
      quoted("bdi", speaker),
      make("span", { class: "unseen" }, ":"),
    );
    list.append(make("li", {}, name, quoted("p", text)));
  }
  const size = `${plural(turns.length, "turn")}${speakers.length > 1 ? `, ${speakers.length} speakers` : ""}`;
  return make(
    "details",
    { class: "dialogue", open: true },
    make("summary", {}, make("h3", {}, "Dialogue"), make("small", {}, size)),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Dialogue" }, list),
  );
}
