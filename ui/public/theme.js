// Before the first paint, so that a chosen theme never flashes. Not a module: those run too late.
(function () {
  var kept = {};
  try { kept = JSON.parse(localStorage.getItem("komodo.look") || "{}"); } catch (e) { /* as if never chosen */ }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  var theme = kept.theme === "light" || kept.theme === "dark" ? kept.theme : dark ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.density = kept.density === "roomy" ? "roomy" : "dense";
})();
