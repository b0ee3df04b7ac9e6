// Elements, and texts of anybody's data: they reach the page as text nodes only, isolated, controls made visible.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/gu;

function plain(text) {
  return text.replace(/\r\n?/gu, "\n").replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A text of anybody's: its direction is its own and ends with it.
function quoted(tag, text, attributes = {}) {
  return make(tag, { dir: "auto", ...attributes }, plain(text));
}

function find(id) {
  return document.getElementById(id);
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function tick() {
  return new Promise((resolve) => { setTimeout(resolve, 0); });
}

function announce(text) {
  find("announcement").textContent = "";
  // A screen reader speaks what changes: the same sentence twice is a change only after the empty one was seen.
  tick().then(() => { find("announcement").textContent = text; });
}
