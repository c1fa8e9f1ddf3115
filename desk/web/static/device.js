// What is kept on this device: the drafts of the person who is signed in, and form pages without anybody's data, for when
// the network is away. Signing out takes all of it away.

/** Whose page this is: an opaque id, so that nobody is shown another person's draft on a shared device. */
export const account = document.documentElement.dataset.account ?? "";

const PAGES = "tafol-pages-";
const DRAFTS = ["draft", "observation-draft", "observation-send"];

export const keyOf = (kind, id) => `tafol-${kind}-${account}/${id}`;

/** Ids under which something of that kind is kept for this person. */
export function idsOf(kind) {
  const start = keyOf(kind, "");
  return Object.keys(localStorage).filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

/** Keep a page and the static files that it needs; the pages of whoever was here before go. */
export async function keepPage(path, files) {
  if (!("caches" in window) || !account) return;
  for (const name of await caches.keys()) {
    if (name.startsWith(PAGES) && name !== PAGES + account) await caches.delete(name);
  }
  const cache = await caches.open(PAGES + account);
  await cache.addAll([path, ...files]);
}

export async function forgetPage(path) {
  if ("caches" in window) await (await caches.open(PAGES + account)).delete(path);
}

/** Nothing of this person stays. */
export async function forgetAll() {
  for (const kind of DRAFTS) for (const id of idsOf(kind)) localStorage.removeItem(keyOf(kind, id));
  if ("caches" in window) {
    for (const name of await caches.keys()) if (name.startsWith(PAGES)) await caches.delete(name);
  }
  for (const one of (await navigator.serviceWorker?.getRegistrations()) ?? []) await one.unregister();
}
