// Keys, and where the page begins: served with a link, or a file that holds its sheets.
function pressKey(page, event) {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const isText = event.target.matches?.("textarea, input[type=text]");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || !isText)) {
    if (event.target.closest?.("button, summary, a") || page.isPaused) return;
    event.preventDefault();
    if (page.form) page.next();
    else if (["welcome", "practised"].includes(page.view)) page.main.querySelector(".primary").click();
    return;
  }
  if (isText || event.ctrlKey || event.metaKey || !page.preferences.hasKeys) return;
  const key = event.key.toLowerCase();
  if (key === "?") find("help").showModal();
  else if (key === "p") page.togglePause();
  else if (page.isPaused) return;
  else if (key === "u") page.back();
  else if (!page.form?.press(key)) return;
  event.preventDefault();
}

// What is kept is a rater's sheet's, not a link's: with a new link it goes on, and what was not yet sent is.
async function openServed(path, name) {
  const memory = new Memory(name);
  const page = new RaterPage(memory);
  setUpTheme(memory);
  const ledger = new ServerLedger(path, memory, () => page.sheet && page.update());
  for (let attempt = 0; ; attempt += 1) {
    try {
      const sheet = await ledger.load();
      page.start(sheet, ledger);
      return;
    } catch (error) {
      const isLink = error instanceof LinkError;
      const sentence = isLink ? error.message : "The server cannot be reached. This page tries again by itself.";
      find("work").replaceChildren(buildProblem(isLink ? "This link does not open a study" : "No connection", sentence));
      if (isLink) return;
      await new Promise((resolve) => { setTimeout(resolve, Math.min(30, 2 ** attempt) * 1000); });
    }
  }
}

function openFile({ study, sheets }) {
  const numbers = Object.keys(sheets).sort((a, b) => a - b);
  const open = async (number) => {
    const memory = new Memory(`${study}:${number}`);
    const page = new RaterPage(memory);
    const ledger = new FileLedger(study, Number(number), sheets[number], memory, () => page.sheet && page.update());
    page.start(await ledger.load(), ledger);
  };
  setUpTheme(new Memory(study));
  if (numbers.length === 1) return open(numbers[0]);
  find("work").replaceChildren(buildChoice(numbers, open));
  find("heading").focus();
  return undefined;
}

for (const node of document.querySelectorAll("dialog .close")) {
  node.addEventListener("click", () => node.closest("dialog").close());
}
const held = find("study-data");
if (held) openFile(JSON.parse(held.textContent));
else openServed(location.pathname.replace(/\/+$/u, ""), document.body.dataset.memory);
