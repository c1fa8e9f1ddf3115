// Observations on the spot: what is written is kept on the device, and what is finished is sent when the network lets it.
// Sending twice does no harm: the form carries a number of its own that the desk knows again. The form can be loaded again
// without a network (observations-worker.js); that page has no token, and gets one before it sends.

import { csrf, say, words } from "./desk.js";
import { forgetPage, idsOf, keepPage, keyOf } from "./device.js";

const DRAFT = "observation-draft";
const QUEUED = "observation-send";
const SECRETS = ["csrf"];
const RETRY_MS = 5000;

const form = document.getElementById("observe");
const state = document.getElementById("device-state");
const saved = document.getElementById("saved");
const id = form?.dataset.id;
let sending = false;
let token = csrf;

const pathOf = (one) => `/observations/${one.split("/").map(encodeURIComponent).join("/")}`;

class SignedOut extends Error {}

function pairs() {
  return [...new FormData(form)].filter(([name]) => !SECRETS.includes(name));
}

function keep() {
  localStorage.setItem(keyOf(DRAFT, id), JSON.stringify(pairs()));
  const at = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }).format(new Date());
  saved.textContent = words("kept", { at });
}

function fill(kept) {
  const places = {};
  for (const [name, value] of kept) {
    const inputs = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    const choice = inputs.find((input) => ["radio", "checkbox"].includes(input.type) && input.value === value);
    if (choice) { choice.checked = true; continue; }
    const free = inputs.filter((input) => !["radio", "checkbox"].includes(input.type));
    places[name] = (places[name] ?? -1) + 1;
    if (free[places[name]]) free[places[name]].value = value;
  }
}

/** The token of the session there is now: a page that was loaded without a network has none. */
async function freshToken() {
  const answer = await fetch("/observations", { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (answer.redirected) throw new SignedOut();
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector('meta[name="csrf"]').content;
}

async function post(one) {
  token ||= await freshToken();
  return fetch(pathOf(one), {
    method: "POST", body: new URLSearchParams(JSON.parse(localStorage.getItem(keyOf(QUEUED, one)))),
    credentials: "same-origin", redirect: "manual",
    headers: { accept: "application/json", "x-csrf-token": token },
  });
}

/** One queued observation to the desk: returns when it is done with, either way. */
async function send(one) {
  let answer = await post(one);
  if (answer.status === 403) { // signed in again since this page was loaded
    token = "";
    answer = await post(one);
  }
  if (answer.status === 401) throw new SignedOut();
  if (answer.ok) {
    const told = await answer.json();
    localStorage.removeItem(keyOf(QUEUED, one));
    localStorage.removeItem(keyOf(DRAFT, one));
    await forgetPage(`${pathOf(one)}/offline`);
    if (one === id) location.assign(told.next);
    else say(words("sent"));
    return;
  }
  if (answer.status === 422 || answer.status === 409) {
    // What was refused is a draft again, for a person to look at.
    localStorage.setItem(keyOf(DRAFT, one), localStorage.getItem(keyOf(QUEUED, one)));
    localStorage.removeItem(keyOf(QUEUED, one));
    const told = await answer.json();
    if (one === id) {
      const notice = document.getElementById("refused");
      const why = told.problems.map(({ field, code }) => `${field} (${code})`).join(", ");
      notice.querySelector("p").textContent = words("refused", { why: `${told.title} ${why}` });
      notice.hidden = false;
      document.getElementById("send").disabled = false;
    }
    return;
  }
  throw new Error(String(answer.status));
}

async function sendAll() {
  if (sending) return;
  sending = true;
  let signedOut = false;
  try {
    for (const one of idsOf(QUEUED)) await send(one);
  } catch (error) {
    signedOut = error instanceof SignedOut;
    if (!signedOut) setTimeout(sendAll, RETRY_MS);
  } finally {
    sending = false;
    showQueue(signedOut);
  }
}

function showQueue(signedOut = false) {
  const queued = idsOf(QUEUED);
  const unsent = document.getElementById("unsent");
  if (unsent) unsent.hidden = queued.length === 0;
  if (form && queued.includes(id)) {
    state.textContent = words(signedOut ? "signed_out" : "queued");
    document.getElementById("send").disabled = true;
  }
}

/** So that the form can be loaded again when the network is gone. */
async function prepareForAbsence() {
  if (!navigator.serviceWorker || form.dataset.offline) return;
  try {
    await navigator.serviceWorker.register("/observations-worker.js", { scope: "/observations" });
    const named = [...document.querySelectorAll('link[href^="/static/"], script[src^="/static/"]')];
    const files = named.map((one) => one.getAttribute("href") ?? one.getAttribute("src"));
    await keepPage(`${pathOf(id)}/offline`, [...new Set([...files, "/static/desk.js", "/static/device.js"])]);
    await navigator.serviceWorker.ready;
    form.dataset.kept = "1";
  } catch {
    // The network went while it was kept: the draft is safe, only a reload has to wait.
  }
}

if (form) {
  const kept = localStorage.getItem(keyOf(DRAFT, id)) ?? localStorage.getItem(keyOf(QUEUED, id));
  if (kept) {
    fill(JSON.parse(kept));
    say(words("restored"));
  } else if (!form.elements.started_at.value) {
    const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    form.elements.started_at.value = now;
    form.elements.ended_at.value = now;
  }
  if (form.dataset.offline) state.textContent = words("offline");
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem(keyOf(QUEUED, id), JSON.stringify(pairs()));
    localStorage.removeItem(keyOf(DRAFT, id));
    document.getElementById("send").disabled = true;
    if (!navigator.onLine) state.textContent = words("queued");
    sendAll();
  });
  addEventListener("offline", () => { state.textContent = words("offline"); });
  addEventListener("online", () => { if (!idsOf(QUEUED).includes(id)) state.textContent = words("online"); });
  prepareForAbsence();
}
addEventListener("online", sendAll);
showQueue();
sendAll();
