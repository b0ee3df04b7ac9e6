// Where events go. Both ledgers give `state`, the sheet's present answers with what is not yet acknowledged on top.
const SAVED = "saved", SAVING = "saving", RETRYING = "retrying", REFUSED = "refused", FORGETFUL = "forgetful";
const FINAL = new Set([400, 409, 413, 415, 422]);

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Over plain HTTP browsers keep randomUUID to themselves.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function newEvent(kind, item, answer, seconds) {
  const rounded = seconds === null ? null : Math.min(86400, Math.round(seconds * 10) / 10);
  return { id: newId(), kind, item, answer, seconds: rounded };
}

function applyEvents(state, events) {
  if (!events.length) return state;
  const now = { ...state };
  for (const event of events) {
    if (event.kind === "answered") now[event.item] = event.answer;
    else if (event.kind === "undone") delete now[event.item];
  }
  return now;
}

// Two answers that say the same have the same form.
function canonical(answer) {
  if (answer === null) return "";
  const scores = Object.entries(answer.scores ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const errors = (answer.errors ?? []).map(({ start, stop, kind }) => [start, stop, kind]);
  return JSON.stringify([answer.answer ?? null, scores, errors, answer.why ?? ""]);
}

async function readSentence(reply) {
  try {
    const { error } = await reply.json();
    if (typeof error === "string" && error) return error;
  } catch { /* Not of this server: something between. */ }
  return reply.status < 500 ? `The server answered with status ${reply.status}.` : "";
}

class LinkError extends Error {}

// Sends to the server, one after the other; an event stays in the memory until the server has stored it.
class ServerLedger {
  constructor(path, memory, onchange) {
    Object.assign(this, { path, memory, onchange, wasPractised: false, status: SAVED, message: "" });
    const pending = memory.names("event:").map((name) => [name, memory.get(name)]).filter(([, event]) => event);
    this.change({ base: {}, pending });
    this.attempts = 0;
    this.version = 0;
    this.isSending = false;
    window.addEventListener("online", () => this.flush());
  }

  // Once for each change: the page asks for the state of every entry.
  change(values) {
    Object.assign(this, values);
    this.state = applyEvents(this.base, this.pending.map(([, event]) => event));
  }

  get practised() {
    return this.wasPractised || this.pending.some(([, event]) => event.kind === "practised");
  }

  get isUnsaved() {
    return this.pending.length > 0;
  }

  async load() {
    const reply = await fetch(`${this.path}/sheet`, { cache: "no-store", signal: AbortSignal.timeout(30000) });
    if (!reply.ok && reply.status < 500) throw new LinkError(await readSentence(reply));
    if (!reply.ok) throw new Error(await readSentence(reply));
    const sheet = await reply.json();
    this.change({ base: sheet.state, wasPractised: sheet.practised });
    return sheet;
  }

  // What another tab or machine did meanwhile. An answer that was overtaken by an acknowledged event is left aside.
  async refresh() {
    if (this.pending.length) return this.flush();
    const version = this.version;
    try {
      const reply = await fetch(`${this.path}/sheet`, { cache: "no-store" });
      if (!reply.ok) return undefined;
      const sheet = await reply.json();
      if (version !== this.version || this.pending.length) return undefined;
      this.change({ base: sheet.state, wasPractised: sheet.practised });
      this.onchange();
    } catch { /* The next event says that there is trouble. */ }
    return undefined;
  }

  add(event) {
    const name = `event:${String(Date.now()).padStart(15, "0")}:${String(this.version).padStart(6, "0")}:${event.id}`;
    this.version += 1;
    this.memory.set(name, event);
    this.change({ pending: [...this.pending, [name, event]] });
    if (this.status !== RETRYING) this.tell(SAVING);
    this.flush();
  }

  tell(status, message = "") {
    Object.assign(this, { status, message });
    this.onchange();
  }

  async flush() {
    if (this.isSending) return;
    clearTimeout(this.timer);
    this.isSending = true;
    let refusal = "";
    while (this.pending.length) {
      const [name, event] = this.pending[0];
      const { isStored, isFinal, sentence } = await this.send(event);
      if (!isStored && !isFinal) {
        this.isSending = false;
        this.retry(sentence);
        return;
      }
      refusal = isStored ? refusal : sentence;
      this.attempts = 0;
      this.change({ pending: this.pending.slice(1) });
      this.memory.remove(name);
    }
    this.isSending = false;
    if (refusal) this.tell(REFUSED, refusal);
    else this.tell(SAVED);
  }

  async send(event) {
    try {
      const reply = await fetch(`${this.path}/events`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(20000),
      });
      if (!reply.ok) return { isFinal: FINAL.has(reply.status), sentence: await readSentence(reply) };
      const { stored, state } = await reply.json();
      if (stored !== true) return { sentence: "" };
      this.version += 1;
      this.change({ base: state, wasPractised: this.wasPractised || event.kind === "practised" });
      return { isStored: true };
    } catch {
      return { sentence: "" };
    }
  }

  retry(sentence) {
    this.attempts += 1;
    const seconds = Math.min(30, 0.5 * 2 ** this.attempts) * (0.75 + 0.5 * Math.random());
    this.timer = setTimeout(() => this.flush(), seconds * 1000);
    this.tell(RETRYING, sentence);
  }
}

// Keeps events in the browser, for a page that is a file; `download` gives them.
class FileLedger {
  constructor(study, number, sheet, memory, onchange) {
    Object.assign(this, { study, number, sheet, memory, onchange, message: "" });
    window.addEventListener("storage", () => this.refresh());
    this.read();
  }

  // Once for each change, here or in another tab: the page asks for the state of every entry.
  read() {
    this.events = this.memory.get("events", []);
    this.state = applyEvents(this.sheet.state, this.events);
  }

  get practised() {
    return this.sheet.practised || this.events.some((event) => event.kind === "practised");
  }

  get status() {
    return this.memory.lasts ? SAVED : FORGETFUL;
  }

  get isUnsaved() {
    return !this.memory.lasts && this.events.length > (this.numGiven || 0);
  }

  async load() {
    return this.sheet;
  }

  refresh() {
    this.read();
    this.onchange();
  }

  add(event) {
    // What another tab added meanwhile stays.
    this.memory.set("events", [...this.memory.get("events", []), { ...event, at: new Date().toISOString() }]);
    this.refresh();
  }

  download() {
    const content = { schema_version: 1, study: this.study, sheet: this.number, events: this.events };
    const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    const link = make("a", { href: url, download: `ratings-${this.study}-rater-${this.number}.json` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    this.numGiven = this.events.length;
  }
}
