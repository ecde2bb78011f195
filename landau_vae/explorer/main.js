// Start: read the data that the page carries, make the three views, time every move.

/** What the page did last, for whoever wants to measure it. */
window.landau = {lastRenderMs: 0, slowestRenderMs: 0, moves: 0};

/** Run what a control asks for and note how long it took, layout included. */
function timed(work) {
  const start = performance.now();
  work();
  document.body.getBoundingClientRect();
  const took = performance.now() - start;
  const seen = window.landau;
  seen.lastRenderMs = took;
  seen.slowestRenderMs = Math.max(seen.slowestRenderMs, took);
  seen.moves += 1;
}

const data = JSON.parse(document.getElementById("data").textContent);
document.body.append(tip);
const views = {
  cascade: new CascadeView(document.getElementById("cascade"), data),
  transition: new TransitionView(document.getElementById("transition")),
  convention: new ConventionView(document.getElementById("convention"), data),
};
views.cascade.changed();
wireTabs((shown) => {
  for (const [id, view] of Object.entries(views)) if (id !== shown) view.player?.stop();
});
document.documentElement.dataset.ready = "true";
