// What every page shares: theme, copy buttons, dialogs, menus, toasts, local times. Works on top of finished HTML.

const root = document.documentElement;

/** Say a short thing that is also visible elsewhere; gone after six seconds. */
export function toast(text) {
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = text;
  document.getElementById("toasts")?.append(note);
  setTimeout(() => note.remove(), 6000);
}

function chooseTheme(choice) {
  root.dataset.theme = choice;
  document.cookie = `theme=${choice}; path=/; max-age=31536000; samesite=lax`;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast("Your browser did not allow copying. Select the text instead.");
    return;
  }
  button.dataset.done = "";
  toast("Copied.");
  setTimeout(() => delete button.dataset.done, 2000);
}

const actions = {
  themeChoice: (button) => chooseTheme(button.dataset.themeChoice),
  copy: (button) => copy(button, button.dataset.copy),
  copyFrom: (button) => copy(button, document.getElementById(button.dataset.copyFrom).textContent),
  copyNear: (button) => copy(button, button.closest(".snippet").querySelector(button.dataset.copyNear).textContent),
  dialogOpen: (button) => document.getElementById(button.dataset.dialogOpen).showModal(),
  dialogClose: (button) => button.closest("dialog").close(),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  const name = button && Object.keys(actions).find((key) => key in button.dataset);
  if (name) actions[name](button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  const tip = event.target.closest?.(".tip");
  if (tip) {
    tip.dataset.closed = "";
    tip.addEventListener("blur", () => delete tip.dataset.closed, { once: true });
  }
});

for (const time of document.querySelectorAll("time[datetime][title]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.valueOf())) time.title = moment.toLocaleString();
}

// A choice that changes the rest of the page is sent at once; without scripts its form has a button.
document.addEventListener("change", (event) => {
  if ("sendOnChange" in event.target.dataset) event.target.form.requestSubmit();
});
