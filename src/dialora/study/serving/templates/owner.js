"use strict";
const REFRESH_SECONDS = 20;
const said = document.getElementById("said");

function tellTimes(root) {
  const parts = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
  for (const time of root.querySelectorAll("time")) {
    const date = new Date(time.dateTime);
    const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    time.textContent = date.toLocaleString(undefined, { ...parts, year });
  }
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

const controls = (root) => [...root.querySelectorAll("input, button")];

// What has the focus keeps it: the rows are the same ones.
async function refresh() {
  if (document.hidden) return;
  try {
    const reply = await fetch(location.pathname, { cache: "no-store", headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const next = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("live");
    if (!next) return;
    tellTimes(next);
    const live = document.getElementById("live");
    const focused = controls(live).indexOf(document.activeElement);
    live.replaceWith(document.adoptNode(next));
    controls(next)[focused]?.focus({ preventScroll: true });
  } catch { /* The next time. */ }
}

tellTimes(document);
setInterval(refresh, REFRESH_SECONDS * 1000);
document.addEventListener("visibilitychange", refresh);
