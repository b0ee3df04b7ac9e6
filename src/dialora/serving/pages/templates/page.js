// From what is given to what is shown: one request at a time, and the view it leads to.
const LOADING_PAUSE = 2_000; // milliseconds
const examples = JSON.parse(find("examples").textContent);
let systems = [];
let colors = new Map();
let conversations = [];
let names = new Map(); // as read → as renamed
let evidence = null;
let running = null;

const source = new Source(examples, fail);

function fail(message) {
  const node = find("error");
  node.textContent = plain(message);
  node.hidden = false;
  node.focus();
}

function forgive() {
  find("error").hidden = true;
  find("error").textContent = "";
}

async function loadSystems() {
  const wasLoading = systems.length === 0 && !find("error").hidden;
  try {
    systems = tellApart((await send("v1/systems")).systems);
  } catch (error) {
    const isKnown = find("error").textContent === plain(error.message);
    if (!isKnown) fail(error.message);
    if (error.status === 503) setTimeout(loadSystems, LOADING_PAUSE); // models are read, which takes a while
    return;
  }
  if (wasLoading) forgive();
  colors = chooseColors(systems);
  find("served").textContent = plain(systems.map((system) => system.label).join(" · "));
  find("systems").hidden = systems.length < 2;
  find("system-choices").replaceChildren(...systems.map((system) => {
    const input = make("input", { type: "checkbox", value: system.name });
    input.checked = true;
    return make("label", { class: `choice ${colors.get(system.name)}` }, input, make("i", { class: "swatch" }), make("bdi", {}, plain(system.label)));
  }));
  showWaiting();
}

function showWaiting() {
  find("cards").replaceChildren(...systems.map((system, at) => buildWaitingCard(system, colors.get(system.name), at)));
}

function collectOptions(names) {
  const boxes = [...find("system-choices").querySelectorAll("input")];
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  const rename = Object.fromEntries([...names].filter(([original, current]) => original !== current));
  return {
    explain: true,
    ...(chosen.length < boxes.length ? { systems: chosen } : {}),
    ...(Object.keys(rename).length ? { rename } : {}),
    isNone: boxes.length > 0 && chosen.length === 0,
  };
}

async function summarize(renamed = names) {
  if (running) return;
  forgive();
  if (!systems.length) await loadSystems();
  if (!systems.length) return;
  const { isNone, ...options } = collectOptions(renamed);
  if (source.isEmpty) return fail("There is no conversation yet: paste one, drop a file, or try an example.");
  if (isNone) return fail("No system is chosen: tick at least one.");
  running = new AbortController();
  const stop = showBusy();
  try {
    const answer = await send("v1/summaries", { method: "POST", signal: running.signal, ...source.build(options) });
    if (!answer.conversations?.length) throw new Refusal("The server read no conversation in this.");
    conversations = answer.conversations;
    names = renamed;
    showConversation(0);
    find("summaries-heading").focus();
    announce(`${plural(conversations[0].summaries.length, "summary").replace("summarys", "summaries")} written.`);
  } catch (error) {
    if (error.name === "AbortError") announce("Cancelled.");
    else fail(error instanceof Refusal ? error.message : `The server's answer cannot be shown: ${error.message}`);
  } finally {
    running = null;
    stop();
  }
}

function showBusy() {
  const began = performance.now();
  const paint = () => {
    const seconds = Math.floor((performance.now() - began) / 1_000);
    const label = `Summarizing …${seconds ? ` ${seconds} s` : ""}`;
    for (const node of document.querySelectorAll("[data-label]")) node.textContent = label;
  };
  const set = (isBusy) => {
    document.body.classList.toggle("is-busy", isBusy);
    find("summaries").setAttribute("aria-busy", String(isBusy));
    find("submit").setAttribute("aria-disabled", String(isBusy));
    find("text").readOnly = isBusy;
  };
  paint();
  set(true);
  announce("Summarizing.");
  const timer = setInterval(paint, 500);
  return () => {
    clearInterval(timer);
    if (document.activeElement?.classList.contains("cancel")) document.activeElement.parentElement.querySelector("[type=submit]").focus();
    set(false);
    for (const node of document.querySelectorAll("[data-label]")) node.textContent = node.dataset.label;
  };
}

function showConversation(at) {
  const values = conversations[at];
  const conversation = new Conversation(values);
  if (!names.size) names = new Map(conversation.speakers.map((name) => [name, name]));
  evidence = new Evidence(conversation);
  const isOne = conversations.length === 1;
  find("reading").replaceChildren(...[
    isOne ? null : buildChoice(at), conversation.facts,
    isOne && names.size ? buildRenaming(names, summarize) : null, conversation.scroller, conversation.notes,
  ].filter(Boolean));
  const byName = new Map(systems.map((system) => [system.name, system]));
  find("cards").replaceChildren(...values.summaries.map((summary, index) => {
    const system = byName.get(summary.system) ?? { name: summary.system, label: summary.system };
    return buildCard(system, summary, colors.get(summary.system) ?? "system-untrained", index, evidence);
  }));
  showView(true);
}

function buildChoice(at) {
  const select = make("select", { "aria-label": "Conversation", class: "which" }, ...conversations.map((one, index) => {
    const option = make("option", { value: index }, plain(`${index + 1} of ${conversations.length}: ${one.id}`));
    option.selected = index === at;
    return option;
  }));
  select.addEventListener("change", () => {
    showConversation(Number(select.value));
    find("reading").querySelector(".which").focus();
  });
  return select;
}

function showView(isRead) {
  document.body.classList.toggle("is-read", isRead);
  find("form").hidden = isRead;
  for (const id of ["reading", "edit", "restart", "downloads", "legend"]) find(id).hidden = !isRead;
}

function edit() {
  running?.abort();
  names = new Map();
  showView(false);
  showWaiting();
  forgive();
  (source.file ? find("submit") : find("text")).focus();
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  summarize();
});
document.addEventListener("click", (event) => event.target.closest?.(".cancel") && running?.abort());
find("edit").addEventListener("click", edit);
find("restart").addEventListener("click", () => {
  source.clear();
  edit();
});
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => download(
    button.dataset.download, conversations, new Map(systems.map((system) => [system.name, system.label])),
  ));
}
source.listenForDrops((file) => {
  if (running) return;
  edit();
  source.take(file);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !find("form").hidden && !find("token-dialog").open) {
    event.preventDefault();
    summarize();
  } else if (event.key === "Escape" && !find("token-dialog").open) {
    if (running) running.abort();
    else evidence?.release();
  }
});
loadSystems();
