"use strict";
/* Unpack plotly and the study, and draw all sections. */
function unpacked(id) {
  const bytes = Uint8Array.from(atob(JSON.parse(hwsim.by(id).textContent)), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

async function start() {
  const library = document.createElement("script");
  library.textContent = await unpacked("plotly");
  document.head.append(library);
  hwsim.data = JSON.parse(await unpacked("study"));
  hwsim.data.results.forEach((result, i) => (result.index = i));
  hwsim.startPicker();
  hwsim.by("theme").addEventListener("click", () => hwsim.setTheme(hwsim.theme() === "dark" ? "light" : "dark"));
  dark.addEventListener("change", () => hwsim.setTheme(document.documentElement.dataset.theme));
  for (const each of hwsim.drawn) {
    each.root = document.querySelector(`#${each.id} > .body`);
    each.draw(each.root, hwsim.data);
  }
  hwsim.ready = true;
  hwsim.setTheme(document.documentElement.dataset.theme);
  // Paper is white.
  let onScreen;
  addEventListener("beforeprint", () => {
    onScreen = document.documentElement.dataset.theme;
    for (const each of document.querySelectorAll("details")) each.open = true;
    hwsim.setTheme("light");
  });
  addEventListener("afterprint", () => hwsim.setTheme(onScreen));
  document.documentElement.dataset.ready = "";
}
start();
