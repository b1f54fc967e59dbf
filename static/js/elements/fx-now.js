// <fx-now src>: the card of what runs, kept fresh. When something ended, the other parts of the page are read anew.

const EVERY = 2000;
const SLOWEST = 30_000;

class Now extends HTMLElement {
  connectedCallback() {
    this.wait = EVERY;
    this.wake = () => document.visibilityState === "visible" && this.look();
    document.addEventListener("visibilitychange", this.wake);
    this.next();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.wake);
  }

  next() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), this.wait);
  }

  async look() {
    if (document.visibilityState === "hidden") return; // `wake` goes on
    clearTimeout(this.timer);
    try {
      this.show((await this.read(this.getAttribute("src"))).body);
      this.wait = EVERY;
    } catch {
      this.wait = Math.min(2 * this.wait, SLOWEST);
    }
    if (this.jobs(this).length) this.next();
  }

  async read(address) {
    const answer = await fetch(address);
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  jobs(within) {
    return [...within.querySelectorAll("[data-job]")];
  }

  show(fresh) {
    const before = this.jobs(this);
    const after = new Map(this.jobs(fresh).map((item) => [item.dataset.job, item]));
    const same = before.length === after.size && before.every((item) => after.has(item.dataset.job));
    if (!same) return this.replace(this, fresh.children, before.some((item) => !after.has(item.dataset.job)));
    for (const item of before) {
      const now = after.get(item.dataset.job);
      item.querySelector("progress").value = now.querySelector("progress").value;
      item.querySelector(".progress-words").replaceChildren(...now.querySelector(".progress-words").childNodes);
    }
  }

  async replace(place, children, ended) {
    const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    place.replaceChildren(...children);
    if (focused) [...place.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    if (!ended) return;
    const page = await this.read(location.href).catch(() => null);
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page?.querySelector(`[data-part="${part.dataset.part}"]`);
      if (fresh) this.replace(part, fresh.childNodes, false);
    }
    const unread = page?.querySelector("[data-bell]");
    if (unread) document.querySelector("[data-bell]").replaceWith(unread);
  }
}

customElements.define("fx-now", Now);
