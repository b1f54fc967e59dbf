// What scripts say, in the language of the page. Its catalogue is loaded only where that language is not English.

/** `_("%(n)s left", { n })`: the text in the page's language, with its values. */
export function _(text, values = {}) {
  const said = globalThis.django?.gettext(text) ?? text;
  return said.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);
}
