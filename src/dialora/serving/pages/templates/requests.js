// Requests to this server, and what went wrong with one in a sentence.
const TOKEN = "dialora-token";
const LARGE = 1_000_000;
// What a header may hold; a browser sends nothing at all with another one.
const SENDABLE = /^[\x21-\x7e]+$/u;

const NOT_THE_TOKEN = "This is not the server's token: give the one that it was started with.";

class Refusal extends Error {
  constructor(message, status = null) {
    super(message);
    this.status = status;
  }
}

async function send(path, options = {}) {
  for (;;) {
    const token = keptToken();
    const headers = { Accept: "application/json", ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    const response = await reach(path, { ...options, headers });
    if (response.ok) return readBody(response);
    const message = await readRefusal(response);
    if (response.status !== 401) throw new Refusal(message, response.status);
    keepToken(null);
    const given = await askToken(token ? NOT_THE_TOKEN : "This server is protected: give its token to go on.");
    if (given === null) throw new Refusal("This server needs a token, and none was given.");
    keepToken(given);
  }
}

// A browser that keeps nothing raises an error where it is asked to; the token is then this page's alone.
let ownToken = null;

function keptToken() {
  try {
    return sessionStorage.getItem(TOKEN) ?? ownToken;
  } catch {
    return ownToken;
  }
}

function keepToken(token) {
  ownToken = token;
  try {
    if (token === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
  } catch {
    // It is kept above.
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, { cache: "no-store", credentials: "omit", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // A server that refuses a large file does not wait for its end, which looks like a broken connection.
    const isLarge = options.size > LARGE;
    throw new Refusal(`The server does not answer: it may have stopped${isLarge ? ", or the file is larger than it takes" : ""}. Nothing is lost here; try again when it runs.`);
  }
}

async function readBody(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server's answer broke off; try again.");
  }
}

async function readRefusal(response) {
  let message = "";
  try {
    message = (await response.json()).error.message;
  } catch {
    // Something between here and the server may have answered: its status is all there is.
  }
  if (typeof message !== "string" || !message.trim()) message = describeStatus(response.status);
  const seconds = Number(response.headers.get("Retry-After"));
  if (seconds > 0 && !/\bagain in\b/iu.test(message) && !message.includes(String(seconds))) message += ` Try again in ${plural(seconds, "second")}.`;
  return message;
}

function describeStatus(status) {
  if (status === 413) return "This is larger than the server takes.";
  if (status === 429 || status === 503) return "The server is busy.";
  return `The server answered with status ${status}.`;
}

// Gives the token, or null where none was given.
function askToken(message) {
  const dialog = find("token-dialog");
  find("token-message").textContent = plain(message);
  find("token").value = "";
  return new Promise((resolve) => {
    let given = null;
    find("token-form").onsubmit = (event) => {
      event.preventDefault();
      given = find("token").value.trim();
      if (SENDABLE.test(given)) dialog.close();
      else if (given) find("token-message").textContent = NOT_THE_TOKEN;
    };
    find("token-cancel").onclick = () => {
      given = null;
      dialog.close();
    };
    dialog.onclose = () => resolve(given || null);
    dialog.showModal();
    find("token").focus();
  });
}
