// <fx-task src> with a progress and a [data-stage]: follows a piece of work and reloads the page when it ended.
const EVERY = 1000;
const SLOWEST = 10_000;

class FxTask extends HTMLElement {
  connectedCallback() {
    this.wait = EVERY;
    this.next();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  next() {
    this.timer = setTimeout(() => this.look(), this.wait);
  }

  async look() {
    try {
      const answer = await fetch(this.getAttribute("src"), { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      this.show(await answer.json());
      this.wait = EVERY;
    } catch {
      this.wait = Math.min(2 * this.wait, SLOWEST);
    }
    if (!this.ended) this.next();
  }

  show({ status, stage, progress }) {
    this.ended = !["queued", "running", "cancelling"].includes(status);
    if (this.ended) return window.location.assign(this.getAttribute("next") || window.location.href);
    const bar = this.querySelector("progress");
    if (status !== "queued") bar.value = progress;
    this.querySelector("[data-stage]").textContent = stage || this.getAttribute("waiting");
    document.title = document.title.replace(/^(\d+ % · )?/, status === "queued" ? "" : `${Math.round(progress)} % · `);
  }
}

customElements.define("fx-task", FxTask);
