// The page's theme.

/** Light or dark: what the system prefers, until the button says otherwise. */
{
  const button = document.getElementById("theme");
  const preferred = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const apply = () => {
    const dark = chosen ?? preferred.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "☀ Light" : "☾ Dark";
  };
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme !== "dark";
    apply();
  });
  preferred.addEventListener("change", apply);
  apply();
}
