// What the views are made of, beside the elements of dom.js.
function paragraphs(text) {
  return text.split(/\n\s*\n/u).filter((part) => part.trim()).map((part) => quoted("p", part.trim()));
}

function button(label, className, onclick, key = null) {
  const hint = key ? make("kbd", { "aria-hidden": "true" }, key) : null;
  return make("button", { type: "button", class: className, onclick }, make("span", {}, label), hint);
}

// The label shows what is chosen, also in browsers that do not know `:has`.
function check(input, isChecked) {
  input.checked = isChecked;
  input.parentElement.classList.toggle("is-checked", isChecked);
}

function tellMinutes(seconds) {
  if (seconds < 50) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} min` : `about ${(seconds / 3600).toFixed(1)} h`;
}
