// How long an item was looked at: not while it is hidden, not while paused, no more than two minutes after an input.
const IDLE = 120;

class Clock {
  constructor() {
    this.total = 0;
    this.from = null;
    this.last = 0;
    this.holds = new Set();
  }

  now() {
    return performance.now() / 1000;
  }

  begin(seconds) {
    this.total = seconds;
    this.last = this.now();
    this.from = this.holds.size ? null : this.last;
  }

  seconds() {
    if (this.from === null) return this.total;
    return this.total + Math.max(0, Math.min(this.now(), this.last + IDLE) - this.from);
  }

  touch() {
    if (this.from !== null && this.now() > this.last + IDLE) {
      this.total = this.seconds();
      this.from = this.now();
    }
    this.last = this.now();
  }

  // Each reason to stand still holds it by itself: a pause goes on when the tab comes back.
  hold(reason) {
    this.total = this.seconds();
    this.from = null;
    this.holds.add(reason);
  }

  release(reason) {
    this.holds.delete(reason);
    if (!this.holds.size && this.from === null) this.begin(this.total);
  }
}
