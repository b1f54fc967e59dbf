// What keyboards and slow networks need of buttons, menus, tooltips and toasts, on top of finished HTML.

import { toast } from "fynix/app";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** Arrow keys walk through an open menu and open a closed one; Home and End go to its ends. */
function walk(event) {
  const menu = event.target.closest?.("details.menu");
  if (!menu || !(event.key in STEPS || ["Home", "End"].includes(event.key))) return;
  const onButton = event.target.parentElement === menu;
  if (onButton && event.key !== "ArrowDown" && !menu.open) return;
  event.preventDefault();
  menu.open = true;
  const items = [...menu.querySelectorAll(".menu-body :is(a[href], button:not(:disabled))")];
  const here = items.indexOf(document.activeElement);
  const ends = { Home: 0, End: items.length - 1 };
  const to = ends[event.key] ?? (here < 0 && event.key === "ArrowUp" ? items.length - 1 : here + STEPS[event.key]);
  items.at(to % items.length)?.focus();
}

/** Escape puts away the explanation under the pointer and every toast. */
function putAway(event) {
  if (event.key !== "Escape") return;
  for (const tip of document.querySelectorAll(".tip:hover")) {
    tip.dataset.closed = "";
    tip.addEventListener("pointerleave", () => delete tip.dataset.closed, { once: true });
  }
  document.getElementById("toasts")?.replaceChildren();
}

document.addEventListener("keydown", walk);
document.addEventListener("keydown", putAway);

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

document.addEventListener("click", (event) => {
  const text = event.target.closest("[data-toast]")?.dataset.toast;
  if (text) toast(text);
});

// A button with data-busy says so while its form is on the way, and is not taken twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.dataset.busy) return;
  if (button.ariaBusy === "true") return event.preventDefault();
  const words = button.querySelector("span:not(.vh)") ?? button;
  button.dataset.idle = words.textContent;
  button.ariaBusy = "true";
  words.textContent = button.dataset.busy;
});

// The page that comes back out of the browser's memory is not on the way any more.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-idle]")) {
    (button.querySelector("span:not(.vh)") ?? button).textContent = button.dataset.idle;
    button.ariaBusy = null;
    delete button.dataset.idle;
  }
});
