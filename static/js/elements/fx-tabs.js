// Tabs within a page, made of sections with headings: <fx-tabs aria-label="…"><section class="tabpanel"><h3>…</h3>…
// One tab stop; arrow keys, Home and End choose. A part can be linked to by its id.

import { h } from "fynix/lib/dom";

let made = 0;

export class Tabs extends HTMLElement {
  connectedCallback() {
    if (this.tabs) return;
    this.panels = [...this.querySelectorAll(":scope > .tabpanel")];
    this.tabs = this.panels.map((panel) => this.tab(panel));
    const label = this.getAttribute("aria-label");
    this.removeAttribute("aria-label");
    this.prepend(h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": label }, ...this.tabs)));
    this.addEventListener("keydown", (event) => this.key(event));
    const asked = location.hash && this.panels.findIndex((panel) => panel.matches(`[id="${CSS.escape(location.hash.slice(1))}"]`));
    this.choose(Math.max(0, asked || 0));
  }

  tab(panel) {
    panel.id ||= `part-${(made += 1)}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${panel.id}-tab`);
    panel.tabIndex = 0;
    const tab = h("button", { type: "button", role: "tab", id: `${panel.id}-tab`, "aria-controls": panel.id });
    tab.textContent = panel.querySelector("h2, h3, h4").textContent;
    tab.addEventListener("click", () => this.choose(this.tabs.indexOf(tab)));
    return tab;
  }

  choose(place) {
    this.tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === place));
      tab.tabIndex = at === place ? 0 : -1;
      this.panels[at].hidden = at !== place;
    });
  }

  key(event) {
    const here = this.tabs.indexOf(event.target);
    if (here < 0) return;
    const way = getComputedStyle(this).direction === "rtl" ? -1 : 1;
    const to = { ArrowRight: here + way, ArrowLeft: here - way, Home: 0, End: this.tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const place = (to + this.tabs.length) % this.tabs.length;
    this.choose(place);
    this.tabs[place].focus();
  }
}

customElements.define("fx-tabs", Tabs);
