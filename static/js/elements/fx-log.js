// A log that stays quick: lines in chunks of 200, a level filter, following the end unless the reader scrolls up.

import { h } from "fynix/lib/dom";
import { _ } from "fynix/lib/words";

const CHUNK = 200;
const MOST = 50_000;
const LEVELS = { [_("All lines")]: ["info", "warning", "error"], [_("Warnings and errors")]: ["warning", "error"], [_("Errors only")]: ["error"] };

export class Log extends HTMLElement {
  connectedCallback() {
    this.box = this.querySelector(".log");
    this.count = this.box.querySelectorAll(".log-line").length;
    this.filter = h("select", { "aria-label": _("Lines shown") }, ...Object.keys(LEVELS).map((name) => h("option", {}, name)));
    this.filter.addEventListener("change", () => this.show());
    this.end = h("button", { type: "button", class: "btn btn-small", hidden: true }, _("Jump to the end"));
    this.end.addEventListener("click", () => this.jump());
    this.box.addEventListener("scroll", () => (this.end.hidden = this.following()), { passive: true });
    this.querySelector("details").addEventListener("toggle", () => this.jump());
    this.querySelector("[data-tools]").append(h("div", { class: "field" }, this.filter), this.end);
    this.jump();
  }

  following() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
  }

  jump() {
    this.box.scrollTop = this.box.scrollHeight;
    this.end.hidden = true;
  }

  add(event) {
    const follow = this.following();
    const time = event.ts.slice(11, 19);
    const line = h("div", { class: "log-line", "data-level": event.log.level }, ...[time, event.log.level, event.log.message].map((text) => h("span", {}, text)));
    line.hidden = !LEVELS[this.filter.value].includes(event.log.level);
    let chunk = this.box.lastElementChild;
    if (!chunk || chunk.childElementCount >= CHUNK) this.box.append((chunk = h("div", { class: "log-chunk" })));
    chunk.append(line);
    this.count += 1;
    if (this.count > MOST) {
      this.count -= this.box.firstElementChild.childElementCount;
      this.box.firstElementChild.remove();
    }
    if (follow) this.jump();
    else this.end.hidden = false;
  }

  show() {
    const levels = LEVELS[this.filter.value];
    for (const line of this.box.querySelectorAll(".log-line")) line.hidden = !levels.includes(line.dataset.level);
    this.jump();
  }
}

customElements.define("fx-log", Log);
