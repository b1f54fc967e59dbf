// A WebSocket that comes back: full jitter between attempts, a watchdog for silence.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
const SILENCE_MS = 25_000; // the server speaks at least every 15 s
const FINAL = new Set([4400, 4401, 4403, 4404]); // trying again would be refused again

/** Calls `open(socket)`, `frame(object)`, `lost(tries, waitMs)` and `refused(code)` of `hooks`. `url` is asked before each try. */
export class Socket {
  constructor(url, hooks) {
    this.url = url;
    this.hooks = hooks;
    this.tries = 0;
    this.retryNow = () => this.wire === null && document.visibilityState === "visible" && this.connect();
    addEventListener("online", this.retryNow);
    document.addEventListener("visibilitychange", this.retryNow);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const wire = new WebSocket(this.url(), ["fynix.v1"]);
    this.wire = wire;
    wire.onmessage = (message) => {
      this.watch(wire);
      this.tries = 0;
      this.hooks.frame(JSON.parse(message.data));
    };
    wire.onclose = (event) => this.wire === wire && this.lost(event.code);
    this.watch(wire);
  }

  watch(wire) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      wire.close();
      if (this.wire === wire) this.lost(1006); // a dead network never reports the close
    }, SILENCE_MS);
  }

  lost(code) {
    clearTimeout(this.watchdog);
    this.wire = null;
    if (FINAL.has(code)) {
      this.close();
      this.hooks.refused(code);
      return;
    }
    this.tries += 1;
    const wait = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** this.tries);
    this.hooks.lost(this.tries, wait);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  send(object) {
    if (this.wire?.readyState === WebSocket.OPEN) this.wire.send(JSON.stringify(object));
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    removeEventListener("online", this.retryNow);
    document.removeEventListener("visibilitychange", this.retryNow);
    const wire = this.wire;
    this.wire = null;
    wire?.close();
  }
}
