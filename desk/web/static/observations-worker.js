// Lets an observer load the form again while the network is away. With a network it answers nothing of its own: every
// page comes from the desk. Without one it gives out what the page itself has kept: the form without names, colleague or
// token, and the static files. It keeps nothing by itself.

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

async function networkElse(request, kept) {
  try {
    return await fetch(request);
  } catch (away) {
    const found = await caches.match(kept);
    if (found) return found;
    throw away;
  }
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(networkElse(request, `${pathname}/offline`));
  else if (pathname.startsWith("/static/")) event.respondWith(networkElse(request, request));
});
