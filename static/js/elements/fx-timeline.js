// The stages of a run, moved on by events.

import { duration } from "fynix/lib/dom";

export class Timeline extends HTMLElement {
  connectedCallback() {
    this.lines = [...this.querySelectorAll("[data-stage]")];
    this.bar = this.querySelector("progress");
    this.clock = setInterval(() => this.tick(), 1000);
    const active = this.querySelector("[aria-current]");
    const time = active?.querySelector("[data-seconds]");
    this.since = performance.now() - 1000 * Number(time?.dataset.seconds || 0);
  }

  disconnectedCallback() {
    clearInterval(this.clock);
  }

  /** The run is in this stage and `percent` done. */
  move(stage, percent) {
    if (percent !== undefined && this.bar) this.bar.value = percent;
    const place = this.lines.findIndex((line) => line.dataset.stage === stage);
    if (place < 0 || this.lines[place].hasAttribute("aria-current")) return;
    this.tick();
    this.since = performance.now();
    this.lines.forEach((line, at) => {
      line.toggleAttribute("aria-current", false);
      if (at < place) line.dataset.state = "done";
      else delete line.dataset.state;
    });
    this.lines[place].setAttribute("aria-current", "step");
  }

  tick() {
    const time = this.querySelector("[aria-current] [data-seconds]");
    if (time) time.textContent = duration((performance.now() - this.since) / 1000);
  }
}

customElements.define("fx-timeline", Timeline);
