"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
// Named one by one: plotly's own choice holds a button that sends the figure to its makers.
const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]];
const config = { responsive: true, displaylogo: false, modeBarButtons: buttons };

function draw(element, name) {
  const figure = figures[name];
  Plotly.react(element, figure.data, figure.layout, config);
}

for (const element of document.querySelectorAll("[data-figure]")) {
  draw(element, element.dataset.figure);
}

const result = document.getElementById("result");
const quantity = document.getElementById("quantity");
const device = document.getElementById("device");

function drawBreakdown() {
  const name = quantity.options[quantity.selectedIndex].text;
  draw(document.getElementById("breakdown"), `breakdown-${result.value}-${name}`);
}

function drawTradeoff() {
  draw(document.getElementById("tradeoff"), `tradeoff-${device.value}`);
}

if (result) {
  result.addEventListener("change", drawBreakdown);
  quantity.addEventListener("change", drawBreakdown);
  drawBreakdown();
}
if (device) {
  device.addEventListener("change", drawTradeoff);
  drawTradeoff();
}
