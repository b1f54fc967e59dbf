// What the shell of every app page does at once; the palette, the single keys and the favicon load when they are first needed.

import { csrf } from "fynix/lib/dom";

const KEYS = new Set(["?", "/", "j", "k", "g"]);
const PAGES = /^\/p\/[^/]+\/(datasets|runs|models)\/[^/]+/;
const MOST_KEPT = 8;
const palette = document.querySelector("fx-palette");
const kept = `fynix.recent.${palette.dataset.person}`;

/** Open at once, so that no letter is lost; what answers them follows. Until then Enter leads to the search page. */
async function openPalette() {
  const field = palette.querySelector("[role=combobox]");
  if (!field.offsetParent) {
    field.value = "";
    palette.querySelector("dialog").showModal();
  }
  field.select();
  await import("fynix/elements/fx-palette");
  palette.open(recent());
}

function types(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
}

let keys; // the module of single keys, once it is there
let waiting = false; // for that module; a letter that comes meanwhile may be the second of a pair
document.addEventListener("keydown", async (event) => {
  if (event.isComposing || event.altKey || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.shiftKey) {
    event.preventDefault();
    openPalette();
  } else if (!event.ctrlKey && !event.metaKey && "shortcuts" in document.body.dataset && !types(event.target)) {
    if (!KEYS.has(event.key) && !keys?.pending() && !(waiting && event.key.length === 1)) return;
    event.preventDefault();
    waiting = !keys;
    keys ??= await import("fynix/lib/keys");
    waiting = false;
    keys.press(event.key, openPalette);
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-palette-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPalette();
});

/** Pages of things that this person visited in this browser, the latest first. */
function recent() {
  try {
    return JSON.parse(localStorage.getItem(kept)) ?? [];
  } catch {
    return [];
  }
}

const title = document.querySelector("h1")?.textContent.trim();
if (title && PAGES.test(location.pathname)) {
  const here = { kind: "page", title, detail: document.querySelector(".menu-name")?.textContent.trim() ?? "", url: location.pathname };
  localStorage.setItem(kept, JSON.stringify([here, ...recent().filter((page) => page.url !== here.url)].slice(0, MOST_KEPT)));
}
document.querySelector("[data-sign-out]")?.addEventListener("submit", () => localStorage.removeItem(kept));

for (const field of document.querySelectorAll("[data-filter]")) {
  const list = document.getElementById(field.dataset.filter);
  field.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.trim().toLowerCase();
    const shown = [...list.children].filter((item) => !(item.hidden = !item.textContent.toLowerCase().includes(words)));
    list.parentElement.querySelector("[data-filter-none]").hidden = shown.length > 0;
  });
}

document.addEventListener("fx-news", ({ detail: unread }) => {
  const bell = document.querySelector("[data-bell]");
  const count = bell.querySelector(".bell-count");
  count.hidden = unread === 0;
  count.textContent = unread > 99 ? "99+" : unread;
  if (unread) bell.setAttribute("aria-label", bell.dataset.some.replace("{n}", unread));
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-read]");
  if (!link) return;
  const body = JSON.stringify({ ids: [link.dataset.read] });
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf() };
  fetch("/api/v1/notifications/read", { method: "POST", keepalive: true, headers, body });
});

// A page that shows progress in its title shows it in its favicon as well.
const PERCENT = /^(\d+) %/;
async function drawProgress() {
  const percent = PERCENT.exec(document.title)?.[1];
  if (percent === undefined && !document.querySelector("link[rel=icon][data-drawn]")) return;
  const { draw, restore } = await import("fynix/lib/favicon");
  if (percent === undefined) restore();
  else draw(Number(percent));
}
new MutationObserver(drawProgress).observe(document.querySelector("title"), { childList: true });
drawProgress();
