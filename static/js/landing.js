// The front page: drawings that play when asked, the stop switch's memory, and the copy button.
// Nothing here listens to scrolling; depth is CSS.

const still = document.getElementById("still");
const drawings = [...document.querySelectorAll("[data-demo]")];

function memory(value) {
  try {
    if (value === undefined) return localStorage.getItem("still") === "yes";
    localStorage.setItem("still", value ? "yes" : "no");
  } catch {
    // A browser that keeps nothing forgets the switch; the page works all the same.
  }
  return value ?? false;
}

function show(drawing, state) {
  if (state) drawing.dataset.play = state;
  else delete drawing.dataset.play;
  drawing.querySelector(".play").setAttribute("aria-pressed", String(state === "on"));
}

for (const drawing of drawings) {
  const button = drawing.querySelector(".play");
  button.hidden = false;
  button.addEventListener("click", () => show(drawing, drawing.dataset.play === "on" ? "paused" : "on"));
  // On the clock alone: the end of a layer's way would otherwise be told here, in the midst of scrolling.
  drawing.querySelector(".clock").addEventListener("animationend", () => show(drawing, ""));
}

still.checked = memory();
still.addEventListener("change", () => {
  memory(still.checked);
  if (still.checked) for (const drawing of drawings) show(drawing, "");
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    document.getElementById("toasts").textContent = button.dataset.said;
    button.dataset.done = "";
    setTimeout(() => delete button.dataset.done, 2000);
  });
}
