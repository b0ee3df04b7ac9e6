// What is to be summarized: a text, or one file. A file goes to the server as it is, which knows the formats.
class Source {
  constructor(examples, onfailure) {
    this.file = null;
    this.onfailure = onfailure;
    find("choose").addEventListener("click", () => find("file-input").click());
    find("file-input").addEventListener("change", (event) => {
      if (event.target.files.length) this.take(event.target.files[0]);
      event.target.value = ""; // the same file may be chosen again
    });
    find("file-remove").addEventListener("click", () => {
      this.take(null);
      find("text").focus();
    });
    for (const button of document.querySelectorAll("[data-example]")) {
      button.addEventListener("click", () => {
        this.take(null);
        find("text").value = examples[button.dataset.example];
        find("text").scrollTop = 0;
        find("text").focus();
      });
    }
  }

  get isEmpty() {
    return this.file === null && !find("text").value.trim();
  }

  take(file) {
    this.file = file;
    find("text").hidden = file !== null;
    find("file").hidden = file === null;
    if (file === null) return;
    find("file-name").textContent = plain(file.name);
    find("file-size").textContent = tellSize(file.size);
    find("submit").focus();
    announce(`File ${plain(file.name)} taken.`);
  }

  clear() {
    this.take(null);
    find("text").value = "";
  }

  // What the server is sent; `options` are values by name, none where the default is meant.
  build(options) {
    if (this.file === null) {
      const body = JSON.stringify({ text: find("text").value, ...options });
      return { body, size: body.length, headers: { "Content-Type": "application/json" } };
    }
    const body = new FormData();
    body.append("file", this.file, this.file.name);
    for (const [name, value] of Object.entries(options)) {
      listParts(value).forEach((part) => body.append(name, part));
    }
    return { body, size: this.file.size };
  }

  // Files may be dropped anywhere: beside the field the browser would leave the page for the file.
  listenForDrops(onfile) {
    let depth = 0;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (by) => {
      depth = by === 0 ? 0 : Math.max(0, depth + by);
      document.body.classList.toggle("is-dragging", depth > 0);
    };
    addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
    addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
    addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      mark(0);
      if (!hasFiles(event)) return;
      event.preventDefault();
      const { files, items } = event.dataTransfer;
      const isFolder = [...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
      if (isFolder) this.onfailure("A folder was dropped; drop one file, or a zip file of the folder.");
      else if (files.length > 1) this.onfailure(`${files.length} files were dropped; drop one, or a zip file of them.`);
      else if (files.length) onfile(files[0]);
    });
  }
}

// The fields of a form that an option becomes.
function listParts(value) {
  if (Array.isArray(value)) return value;
  return typeof value === "object" ? Object.entries(value).map(([old, now]) => `${old}=${now}`) : [String(value)];
}

function tellSize(bytes) {
  if (bytes < 1_000) return plural(bytes, "byte");
  return bytes < 1_000_000 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
