// What the browser keeps between visits. Where it keeps nothing, the same holds until the page is closed.
class Memory {
  constructor(prefix) {
    this.prefix = `study:${prefix}:`;
    this.values = new Map();
    this.lasts = this.probe();
  }

  probe() {
    try {
      localStorage.setItem(`${this.prefix}probe`, "1");
      localStorage.removeItem(`${this.prefix}probe`);
      return true;
    } catch {
      return false;
    }
  }

  get(name, otherwise = null) {
    try {
      const text = localStorage.getItem(this.prefix + name);
      if (text !== null) return JSON.parse(text);
    } catch { /* Closed to the page, or not what it wrote: as if nothing were kept. */ }
    return this.values.has(name) ? this.values.get(name) : otherwise;
  }

  // Whether it is kept beyond this page.
  set(name, value) {
    try {
      localStorage.setItem(this.prefix + name, JSON.stringify(value));
      this.values.delete(name);
      return true;
    } catch {
      this.values.set(name, value);
      this.lasts = false;
      return false;
    }
  }

  remove(name) {
    this.values.delete(name);
    try { localStorage.removeItem(this.prefix + name); } catch { /* It was never kept. */ }
  }

  names(start) {
    const found = new Set([...this.values.keys()].filter((name) => name.startsWith(start)));
    try {
      for (let at = 0; at < localStorage.length; at += 1) {
        const key = localStorage.key(at);
        if (key.startsWith(this.prefix + start)) found.add(key.slice(this.prefix.length));
      }
    } catch { /* Closed to the page. */ }
    return [...found].sort();
  }
}
