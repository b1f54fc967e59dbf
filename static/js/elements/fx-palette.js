// <fx-palette>: a combobox over everything the person may see. Without scripts its form is the search page.

import { h, icon } from "fynix/lib/dom";

const WAIT_MS = 120; // after the last letter
const ICONS = { action: "arrow-right", project: "layers", dataset: "table", model: "box", version: "tag", run: "chart", page: "clock" };

class Palette extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.form = this.querySelector("form");
    this.input = this.querySelector("[role=combobox]");
    this.list = this.querySelector("[role=listbox]");
    this.note = this.querySelector("[role=status]");
    this.input.addEventListener("input", () => this.ask());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.form.addEventListener("submit", (event) => this.go(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.asking?.abort());
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
    this.list.addEventListener("pointermove", (event) => this.choose(event.target.closest("[role=option]")));
  }

  /** Answer what is typed; before anything is, with the pages that were visited lately. */
  open(recent) {
    this.recent = recent.filter((page) => page.url !== location.pathname);
    this.ask(0);
  }

  ask(wait = WAIT_MS) {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.fresh = false; // what is shown answers an earlier question
    this.timer = setTimeout(() => this.read(this.input.value.trim()), wait);
  }

  async read(words) {
    this.asking = new AbortController();
    const query = new URLSearchParams({ q: words, project: this.dataset.project });
    try {
      const answer = await fetch(`${this.dataset.src}?${query}`, { signal: this.asking.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      const { data } = await answer.json();
      this.show(words ? data : [...this.recent, ...data]);
      this.say(words, data.length);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.show(words ? [] : this.recent);
      this.note.textContent = this.dataset.failed;
    }
    this.fresh = true;
    if (this.waiting) this.form.requestSubmit();
  }

  say(words, count) {
    if (!words) this.note.textContent = this.recent.length ? this.dataset.recent : "";
    else this.note.textContent = count ? this.dataset.found.replace("{n}", count) : this.dataset.none;
  }

  show(hits) {
    this.list.replaceChildren(...hits.map((hit, at) => this.option(hit, at)));
    this.input.setAttribute("aria-expanded", String(hits.length > 0));
    this.choose(this.list.firstElementChild);
  }

  option(hit, at) {
    const kind = this.dataset[`kind${hit.kind[0].toUpperCase()}${hit.kind.slice(1)}`];
    const where = h("span", { class: "hit-where" }, [kind, hit.detail].filter(Boolean).join(" · "));
    return h("li", { role: "option", id: `palette-${at}`, "data-url": hit.url, "aria-selected": "false" },
      icon(ICONS[hit.kind]), h("span", { class: "hit-title" }, hit.title), where);
  }

  choose(option) {
    if (option === undefined || (option && option === this.chosen)) return;
    this.chosen?.setAttribute("aria-selected", "false");
    this.chosen = option;
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.isComposing || !this.list.children.length) return;
    event.preventDefault();
    const options = [...this.list.children];
    this.choose(options[(options.indexOf(this.chosen) + by + options.length) % options.length]);
  }

  /** Enter: the chosen thing once the list answers what was typed; with nothing to choose, the search page. */
  go(event) {
    this.waiting = !this.fresh && this.dialog.open;
    if (this.waiting || this.chosen) event.preventDefault();
    if (!this.waiting) this.take(this.chosen);
  }

  take(option) {
    if (!option) return;
    this.dialog.close();
    location.assign(option.dataset.url);
  }
}

customElements.define("fx-palette", Palette);
