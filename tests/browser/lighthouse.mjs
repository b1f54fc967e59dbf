// Lighthouse for the tests: one browser; for each line on stdin ({url, desktop, categories, cookies}) one line of
// figures on stdout. Starting Node and a browser for each page would cost as much as looking at it.
import { createInterface } from "node:readline";
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";
import { connect } from "puppeteer-core";

const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
];
const FIGURES = {
  first_paint_s: ["first-contentful-paint", 1000],
  largest_paint_s: ["largest-contentful-paint", 1000],
  blocking_ms: ["total-blocking-time", 1],
  layout_shift: ["cumulative-layout-shift", 1],
};

const browser = await launch({ chromePath: process.env.CHROME_PATH, chromeFlags: FLAGS, logLevel: "silent" });
const jar = await connect({ browserURL: `http://127.0.0.1:${browser.port}` });

// A trace now and then lacks its beginning, which says nothing of the page: Lighthouse asks to be run again.
async function recorded(url, flags, config, again = true) {
  const { lhr } = await lighthouse(url, flags, config);
  if (again && lhr.runtimeError?.code === "NO_NAVSTART") return recorded(url, flags, config, false);
  if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
  return lhr;
}

async function look({ url, desktop, categories, cookies }) {
  // Lighthouse empties the cache before each look and leaves cookies; as headers the browser would drop them.
  await jar.deleteCookie(...(await jar.cookies()));
  await jar.setCookie(...cookies);
  const flags = {
    port: browser.port, logLevel: "silent", output: "json", onlyCategories: categories,
    disableFullPageScreenshot: true, skipAudits: ["bf-cache", "screenshot-thumbnails", "final-screenshot"],
  };
  const lhr = await recorded(url, flags, desktop ? desktopConfig : undefined);
  const failing = (category) => category.auditRefs.filter(({ id, weight }) => weight && lhr.audits[id].score === 0).map(({ id }) => id);
  return {
    final: lhr.finalDisplayedUrl,
    speed: lhr.environment.benchmarkIndex,
    shares: Object.fromEntries(Object.entries(lhr.categories).map(([name, each]) => [name, Math.round(100 * each.score)])),
    failing: Object.values(lhr.categories).flatMap(failing),
    figures: Object.fromEntries(Object.entries(FIGURES).map(([name, [audit, per]]) => [name, lhr.audits[audit].numericValue / per])),
  };
}

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const found = await look(JSON.parse(line)).catch((error) => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(found)}\n`);
  }
} finally {
  await jar.disconnect();
  browser.kill();
}
