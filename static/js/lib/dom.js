// Building DOM from data, always through textContent.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** `h("p", { class: "muted" }, "3 rows")`: an element with attributes and children (nodes or text). */
export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** The same in the SVG namespace. */
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A drawing of the sprite, silent without a `label`; the address comes from any drawing already in the page. */
export function icon(name, label = "") {
  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] ?? "";
  const voice = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return s("svg", { class: "icon", ...voice }, s("use", { href: `${sprite}#${name}` }));
}

/** The JSON that the server left in `<script type="application/json" id=…>`. */
export const data = (id) => JSON.parse(document.getElementById(id).textContent);

/** The CSRF token for a fetch, from the page's own form or meta. */
export const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

/** 1234567 bytes as "1.2 MB", as the server writes it. */
export function bytes(size) {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let power = 0;
  while (size >= 999.5 && power < units.length - 1) {
    size /= 1000;
    power += 1;
  }
  return `${power && size < 99.95 ? size.toFixed(1) : Math.round(size)} ${units[power]}`;
}

/** 185 seconds as "3 min 05 s". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
