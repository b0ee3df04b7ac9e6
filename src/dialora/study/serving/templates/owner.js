"use strict";
const REFRESH_SECONDS = 20;
const said = document.getElementById("said");

function tellTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time")) time.textContent = format.format(new Date(time.dateTime));
}

async function copyLink(button) {
  const input = button.parentElement.querySelector("input");
  input.select();
  // Over plain HTTP browsers keep the clipboard to themselves; the older way still works there.
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    if (!document.execCommand("copy")) return;
  }
  said.textContent = `${input.getAttribute("aria-label")} is copied.`;
  const label = button.firstChild;
  label.textContent = "Copied ✓";
  setTimeout(() => { label.textContent = "Copy"; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copyLink(button);
});

// Not while something in it is being used: what is selected or focused would be lost.
async function refresh() {
  const live = document.getElementById("live");
  if (document.hidden || live.contains(document.activeElement)) return;
  try {
    const reply = await fetch(location.pathname, { cache: "no-store", headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const next = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("live");
    if (!next || live.contains(document.activeElement)) return;
    tellTimes(next);
    live.replaceWith(document.adoptNode(next));
  } catch { /* The next time. */ }
}

tellTimes(document);
setInterval(refresh, REFRESH_SECONDS * 1000);
document.addEventListener("visibilitychange", refresh);
