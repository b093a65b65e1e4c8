// Dark or light: as the system has it until somebody chooses. Runs before the page is drawn.

const KEY = "dicube-theme";
const root = document.documentElement;

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be off; the choice then lasts as long as the page
  }
}

function current() {
  return root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

const chosen = stored();
if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  if (!button) return;
  button.addEventListener("click", () => {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, root.dataset.theme);
    } catch {
      // as above
    }
  });
});
