// The tab's icon as a ring that fills. Under reduced motion the ring stands still.

const icon = document.querySelector("link[rel=icon]");
const own = icon.href;
const AROUND = 2 * Math.PI * 11;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Show `percent`, 0 to 100. */
export function draw(percent) {
  const shown = still.matches ? 25 : Math.round(percent);
  if (icon.dataset.drawn === String(shown)) return;
  icon.dataset.drawn = shown;
  const done = (AROUND * shown) / 100;
  const ring = 'fill="none" stroke-width="6" cx="16" cy="16" r="11"';
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle ${ring} stroke="#A5B4FC"/>` +
    `<circle ${ring} stroke="#4F46E5" stroke-dasharray="${done.toFixed(1)} ${AROUND.toFixed(1)}" transform="rotate(-90 16 16)"/></svg>`;
  icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** The product's own icon again. */
export function restore() {
  delete icon.dataset.drawn;
  icon.href = own;
}
