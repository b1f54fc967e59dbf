// <fx-what-if src>: around the row's form. A changed value asks the server what the answer would be, and how far it
// lies from that of the row that the form began with. Without scripts the button of the form says the same.

import { _ } from "fynix/lib/words";

const QUIET_MS = 350; // after the last change

class WhatIf extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.place = document.querySelector("[data-what-if]");
    this.form.addEventListener("input", () => this.soon());
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), QUIET_MS);
  }

  /** Only the newest question is answered: an older one that is still under way is dropped. */
  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    this.place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(this.getAttribute("src"), { method: "POST", body: new FormData(this.form), signal: this.asking.signal });
      if (answer.redirected || !(answer.headers.get("Content-Type") ?? "").startsWith("text/html")) throw new Error(answer.status);
      this.show(await answer.text());
    } catch (error) {
      if (error.name !== "AbortError") this.place.textContent = _("The server does not answer. Press “Ask the model”.");
    }
    this.place.removeAttribute("aria-busy");
  }

  show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    this.place.replaceChildren(...page.body.children);
  }
}

customElements.define("fx-what-if", WhatIf);
