// Sends one file in signed parts: in parallel, retried, pausable, and going on where it stopped. Knows no page.
import { _ } from "fynix/lib/words";
import { csrf } from "fynix/lib/dom";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const TRIES = 8;
const SAMPLE = 65_536;
const SIGNED_AT_ONCE = 100;

/** What the server, or the way to it, refused; status 0 is the network. */
export class Refused extends Error {
  constructor(status, problem = {}, wait = 0) {
    super(problem.detail ?? (status ? _("The server answered %(status)s. Try again.", { status }) : _("The server cannot be reached.")));
    Object.assign(this, { status, wait, code: problem.code, numbers: problem.numbers });
  }

  get passes() {
    return this.stale || [0, 408, 429, 502, 503, 504].includes(this.status) || ["url_expired", "checksum_mismatch"].includes(this.code);
  }
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

async function api(method, url, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) }).catch(() => {
    throw new Refused(0);
  });
  const found = parsed(await answer.text());
  if (!answer.ok) throw new Refused(answer.status, found, Number(answer.headers.get("Retry-After")) * 1000);
  return found;
}

/** Wait for a random while that grows with each try, or until the network is back. */
function pause(attempt, least, signal) {
  const wait = Math.max(least || 0, Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt));
  return new Promise((done, stop) => {
    const timer = setTimeout(done, wait);
    window.addEventListener("online", done, { once: true, signal });
    signal.addEventListener("abort", () => (clearTimeout(timer), stop(signal.reason)), { once: true });
  });
}

async function patiently(work, signal) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      if (!(error instanceof Refused) || !error.passes || attempt + 1 >= TRIES) throw error;
      await pause(attempt, error.wait, signal);
    }
  }
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Plain http on another machine has no crypto.subtle: parts then go without a checksum of ours.
const sha256 = async (blob) => globalThis.crypto?.subtle && hex(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));

/** Tells this file from others, cheaply: name, size, date and, where possible, its two ends. */
export async function fingerprint(file) {
  const facts = `${file.name}|${file.size}|${file.lastModified}`;
  const ends = new Blob([facts, file.slice(0, SAMPLE), file.slice(-SAMPLE)]);
  const digest = await sha256(ends);
  if (digest) return digest;
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (const sign of facts) {
    low = Math.imul(low ^ sign.codePointAt(0), 0x01000193);
    high = Math.imul(high ^ low, 0x85ebca6b);
  }
  return `${(low >>> 0).toString(16)}-${(high >>> 0).toString(16)}-${file.size}`;
}

function put(url, blob, digest, signal, progress) {
  return new Promise((done, refuse) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (digest) request.setRequestHeader("X-Fynix-Sha256", digest);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => {
      if (request.status < 300) return done();
      refuse(new Refused(request.status, parsed(request.responseText), Number(request.getResponseHeader("Retry-After")) * 1000));
    };
    request.onerror = () => refuse(new Refused(0));
    request.onabort = () => refuse(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(blob);
  });
}

/** One file on its way. Events: `begin`, `progress`; `run()` gives the server's answer to complete, or throws. */
export class Transfer extends EventTarget {
  constructor(file, { init, base, dataset, reading }) {
    super();
    Object.assign(this, { file, init, base, dataset, reading, flying: new Map(), urls: new Map(), received: 0 });
  }

  get sent() {
    return Math.min(this.file.size, this.received + [...this.flying.values()].reduce((sum, size) => sum + size, 0));
  }

  /** Send what is missing and complete. Throws the reason of `stop`, or Refused. */
  async run() {
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    await patiently(() => this.begin(), signal);
    for (;;) {
      const lanes = Array.from({ length: this.upload.max_parallel }, () => this.lane(signal));
      await Promise.all(lanes).catch((error) => {
        this.stopper.abort(error);
        throw error;
      });
      try {
        return await patiently(() => api("POST", `${this.base}${this.upload.upload_id}/complete`, { reading: this.reading }), signal);
      } catch (error) {
        if (error.code !== "parts_missing") throw error;
        this.missing = error.numbers;
      }
    }
  }

  stop(reason) {
    this.stopper?.abort(reason);
    this.flying.clear();
  }

  /** Stop and give up what has arrived. */
  async cancel() {
    this.stop("cancel");
    if (this.upload) await forget(this.base, this.upload.upload_id);
  }

  async begin() {
    const asked = { filename: this.file.name, size_bytes: this.file.size, fingerprint: await fingerprint(this.file) };
    if (this.dataset) asked.dataset = this.dataset;
    this.upload = await api("POST", this.init, asked);
    const here = new Set(this.upload.received_parts.map((part) => part.number));
    this.received = this.upload.received_parts.reduce((sum, part) => sum + part.size_bytes, 0);
    this.missing = Array.from({ length: this.upload.part_count }, (_, i) => i + 1).filter((n) => !here.has(n));
    for (const { number, url } of this.upload.parts) this.urls.set(number, url);
    this.tell("begin");
  }

  async lane(signal) {
    for (let number = this.missing.shift(); number; number = this.missing.shift()) {
      await this.part(number, signal);
    }
  }

  async part(number, signal) {
    const size = this.upload.part_size_bytes;
    const blob = this.file.slice((number - 1) * size, number * size);
    // The store checks the length that was signed, and knows no header of ours.
    const atStore = this.upload.mode === "s3";
    const digest = !atStore && (await sha256(blob));
    const progress = (loaded) => this.flying.set(number, loaded) && this.tell("progress");
    await patiently(async () => {
      const url = await this.address(number);
      await put(url, blob, digest, signal, progress).catch((error) => {
        error.stale = atStore && [400, 403].includes(error.status);
        if (!error.status || error.stale || error.code === "url_expired") this.urls.delete(number);
        throw error;
      });
    }, signal).finally(() => this.flying.delete(number));
    this.received += blob.size;
    this.tell("progress");
  }

  async address(number) {
    if (!this.urls.has(number)) {
      const numbers = [number, ...this.missing.filter((n) => !this.urls.has(n))].slice(0, SIGNED_AT_ONCE);
      this.signing ??= api("POST", `${this.base}${this.upload.upload_id}/parts/sign`, { numbers }).finally(() => (this.signing = null));
      for (const part of (await this.signing).parts) this.urls.set(part.number, part.url);
    }
    return this.urls.get(number) ?? this.address(number);
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** Give up an upload on the server. */
export const forget = (base, id) => api("DELETE", base + id);
