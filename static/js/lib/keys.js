// Single keys: ? help, / search, j and k rows, g and a letter. Whoever calls has seen that nobody is typing.

const WAIT_MS = 1500; // for the second key of a pair
const ROWS = "main tbody tr, main .list > li, main .news > li, main .hits > li";
let first = -WAIT_MS; // when the `g` came

/** Whether a `g` waits for its second key. */
export const pending = () => performance.now() - first < WAIT_MS;

/** Do what the key says; `openPalette` is for `/` on a page without a search of its own. */
export function press(key, openPalette) {
  const second = pending();
  first = -WAIT_MS;
  if (second) document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();
  else if (key === "g") first = performance.now();
  else if (key === "?") document.getElementById("shortcuts").showModal();
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "/") search(openPalette);
}

function search(openPalette) {
  const field = document.querySelector("main input[type=search]");
  if (field) field.select();
  else openPalette();
}

/** Move the focus to the link of the next or previous row. */
function step(by) {
  const links = [...document.querySelectorAll(ROWS)].map((row) => row.querySelector("a")).filter((link) => link?.checkVisibility());
  if (!links.length) return;
  const row = document.activeElement.closest(ROWS);
  const at = links.findIndex((link) => row?.contains(link));
  links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))].focus();
}
