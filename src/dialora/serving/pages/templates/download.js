// All summaries as a file, made in the browser.
function writeText(conversations, labels) {
  return conversations.map((conversation) => {
    const about = [conversation.id, conversation.format, plural(conversation.turns.length, "turn")].filter(Boolean).join(", ");
    const texts = conversation.summaries.map((summary) => `${labels.get(summary.system) ?? summary.system}:\n${summary.text}\n`);
    return `# ${about}\n\n${texts.join("\n")}`;
  }).join("\n\n");
}

function saveFile(name, kind, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${kind};charset=utf-8` }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function download(kind, conversations, labels) {
  if (kind === "json") saveFile("summaries.json", "application/json", `${JSON.stringify({ conversations }, null, 2)}\n`);
  else saveFile("summaries.txt", "text/plain", writeText(conversations, labels));
}
