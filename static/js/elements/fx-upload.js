// <fx-upload init base dataset> around a form with a file input: files dropped or chosen go up, one row each.
import { bytes, duration, h } from "fynix/lib/dom";
import { forget, Transfer } from "fynix/lib/upload";
import { _ } from "fynix/lib/words";

const button = (label, name, act) => {
  const made = h("button", { type: "button", class: "btn btn-small", "aria-label": `${label} ${name}` }, label);
  made.addEventListener("click", act);
  return made;
};

class Row {
  constructor(element, transfer, say) {
    Object.assign(this, { transfer, say, said: 0, speed: 0, name: transfer.file.name });
    this.bar = h("progress", { max: transfer.file.size, value: 0, "aria-label": _("Upload of %(name)s", { name: this.name }) });
    this.words = h("span", { class: "muted small" }, _("Starting"));
    this.buttons = h("span", { class: "cluster cluster-s end" });
    this.element = element;
    this.head = h("strong", { class: "clip" }, this.name);
    element.replaceChildren(h("div", { class: "cluster cluster-s" }, this.head, this.buttons), this.bar, this.words);
    transfer.addEventListener("begin", () => this.moved());
    transfer.addEventListener("progress", () => this.moved());
  }

  async run() {
    this.offer(button(_("Pause"), this.name, () => this.transfer.stop("pause")));
    this.since = { at: performance.now(), sent: null };
    try {
      return this.finish(await this.transfer.run());
    } catch (error) {
      if (error === "cancel") return null;
      this.rest(error === "pause" ? _("Paused.") : error.message, error !== "pause");
      return null;
    }
  }

  finish(answer) {
    this.bar.value = this.transfer.file.size;
    this.words.textContent = _("All of it is here. It is being read.");
    this.buttons.replaceChildren();
    this.head.replaceChildren(h("a", { href: answer.page }, this.name));
    return answer.page;
  }

  rest(text, isError) {
    this.words.textContent = `${text} ${_("%(part)s of %(all)s are here.", { part: bytes(this.transfer.received), all: bytes(this.transfer.file.size) })}`;
    this.words.className = isError ? "small tone-danger" : "muted small";
    this.say(`${this.name}: ${text}`);
    this.offer(button(isError ? _("Try again") : _("Go on"), this.name, () => this.again()));
  }

  /** Show this button and Cancel; who stood on the ones before stays there. */
  offer(first) {
    const stood = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(first, this.canceller());
    if (stood) first.focus();
  }

  again() {
    this.words.className = "muted small";
    this.element.dispatchEvent(new CustomEvent("fx-again", { bubbles: true, detail: this }));
  }

  canceller() {
    return button(_("Cancel"), this.name, async () => {
      await this.transfer.cancel().catch((error) => this.say(error.message));
      this.element.remove();
      this.say(_("%(name)s: cancelled.", { name: this.name }));
    });
  }

  moved() {
    const { sent, file } = this.transfer;
    const now = performance.now();
    this.since.sent ??= sent;
    this.bar.value = sent;
    const seconds = (now - this.since.at) / 1000;
    if (seconds > 1 && sent > this.since.sent) {
      const fresh = (sent - this.since.sent) / seconds;
      this.speed = this.speed ? 0.7 * this.speed + 0.3 * fresh : fresh;
      this.since = { at: now, sent };
    }
    const part = { part: bytes(sent), all: bytes(file.size) };
    this.words.textContent = this.speed
      ? _("%(part)s of %(all)s, %(rate)s/s, %(time)s left", { ...part, rate: bytes(this.speed), time: duration((file.size - sent) / this.speed) })
      : _("%(part)s of %(all)s", part);
    const quarter = Math.floor((4 * sent) / file.size) * 25;
    if (quarter > this.said) this.say(`${this.name}: ${(this.said = quarter)} %`);
  }
}

class FxUpload extends HTMLElement {
  connectedCallback() {
    if (this.rows) return;
    this.rows = this.querySelector("[data-rows]");
    this.input = this.querySelector("input[type=file]");
    this.zone = this.querySelector(".dropzone");
    this.running = 0;
    this.input.disabled = false;
    this.input.addEventListener("change", () => (this.take(this.input.files), (this.input.value = "")));
    this.addEventListener("submit", (event) => event.preventDefault());
    this.addEventListener("fx-again", (event) => this.follow(event.detail));
    this.rows.addEventListener("click", (event) => this.giveUp(event.target.closest("[data-forget]")));
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.zone.addEventListener(name, (event) => this.drag(event));
    }
  }

  drag(event) {
    event.preventDefault();
    this.zone.toggleAttribute("data-over", event.type === "dragenter" || event.type === "dragover");
    if (event.type === "drop") this.take(event.dataTransfer.files);
  }

  take(files) {
    for (const file of files) {
      const where = { init: this.getAttribute("init"), base: this.getAttribute("base"), dataset: this.getAttribute("dataset"), reading: this.reading() };
      const transfer = new Transfer(file, where);
      const element = h("li", { class: "upload-row" });
      this.rows.append(element);
      transfer.addEventListener("begin", () => this.adopt(element, transfer.upload.upload_id));
      this.follow(new Row(element, transfer, (text) => this.say(text)));
    }
  }

  /** What the form says about how files are written; the server finds out the rest. */
  reading() {
    const said = Object.fromEntries(new FormData(this.querySelector("form")));
    return {
      delimiter: (said.delimiter === "other" ? said.sign : said.delimiter) || null,
      quote: said.quote === "none" ? "" : said.quote || null,
      encoding: said.encoding || null,
      header: { yes: true, no: false }[said.header] ?? null,
    };
  }

  /** The row that the page brought along for the same upload makes way. */
  adopt(element, id) {
    for (const other of this.rows.querySelectorAll(`[data-upload="${CSS.escape(id)}"]`)) {
      if (other !== element) other.remove();
    }
    element.dataset.upload = id;
  }

  async follow(row) {
    this.running += 1;
    const page = await row.run();
    this.running -= 1;
    if (page && !this.running) window.location.assign(page);
  }

  async giveUp(chosen) {
    if (!chosen) return;
    const row = chosen.closest("[data-upload]");
    try {
      await forget(this.getAttribute("base"), row.dataset.upload);
      row.remove();
      this.input.focus();
    } catch (error) {
      this.say(error.message);
    }
  }

  say(text) {
    this.querySelector("[data-voice]").textContent = text;
  }
}

customElements.define("fx-upload", FxUpload);
