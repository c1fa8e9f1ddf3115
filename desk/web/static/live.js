// Live queues: the server says when something changed, the page fetches the part again. Without scripts, reload.

const parts = [...document.querySelectorAll("[data-live]")];
const state = document.getElementById("live-state");

async function refresh(part) {
  const answer = await fetch(part.dataset.live, { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const scroll = window.scrollY;
  part.innerHTML = await answer.text();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.scrollTo({ top: scroll, behavior: "instant" });
}

if (parts.length) {
  const source = new EventSource("/live");
  let waiting = false;
  const show = (name) => {
    if (state && state.dataset.now !== name) {
      state.dataset.now = name;
      state.textContent = state.dataset[name];
    }
  };
  source.addEventListener("open", () => show("on"));
  source.addEventListener("error", () => show("off"));
  source.addEventListener("changed", () => {
    if (waiting) return;
    waiting = true;
    setTimeout(async () => {
      waiting = false;
      try {
        await Promise.all(parts.map(refresh));
        show("on");
      } catch {
        show("off");
      }
    }, 250);
  });
  addEventListener("pagehide", () => source.close());
}
