// Observations on the spot: what is written is kept on the device, and what is finished is sent when the network lets it.
// Sending twice does no harm: the form carries a number of its own that the desk knows again.

import { csrf, say, words } from "./desk.js";

const DRAFT = "tafol-observation-draft-";
const QUEUED = "tafol-observation-send-";
const SECRETS = ["csrf"];
const RETRY_MS = 5000;

const form = document.getElementById("observe");
const state = document.getElementById("device-state");
const saved = document.getElementById("saved");
const id = form?.dataset.id;
let sending = false;

const queuedIds = () => Object.keys(localStorage).filter((key) => key.startsWith(QUEUED)).map((key) => key.slice(QUEUED.length));

function pairs() {
  return [...new FormData(form)].filter(([name]) => !SECRETS.includes(name));
}

function keep() {
  localStorage.setItem(DRAFT + id, JSON.stringify(pairs()));
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

/** One queued observation to the desk: true when it is done with, either way. */
async function send(one) {
  const body = new URLSearchParams(JSON.parse(localStorage.getItem(QUEUED + one)));
  const answer = await fetch(`/observations/${encodeURIComponent(one)}`, {
    method: "POST", body, credentials: "same-origin", redirect: "manual",
    headers: { accept: "application/json", "x-csrf-token": csrf },
  });
  if (answer.ok) {
    const told = await answer.json();
    localStorage.removeItem(QUEUED + one);
    localStorage.removeItem(DRAFT + one);
    if (one === id) location.assign(told.next);
    else say(words("sent"));
    return;
  }
  if (answer.status === 422 || answer.status === 409) {
    // What was refused is a draft again, for a person to look at.
    localStorage.setItem(DRAFT + one, localStorage.getItem(QUEUED + one));
    localStorage.removeItem(QUEUED + one);
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
  try {
    for (const one of queuedIds()) await send(one);
  } catch {
    setTimeout(sendAll, RETRY_MS);
  } finally {
    sending = false;
    showQueue();
  }
}

function showQueue() {
  const unsent = document.getElementById("unsent");
  if (unsent) unsent.hidden = queuedIds().length === 0;
  if (form && queuedIds().includes(id)) {
    state.textContent = words("queued");
    document.getElementById("send").disabled = true;
  }
}

if (form) {
  const kept = localStorage.getItem(DRAFT + id) ?? localStorage.getItem(QUEUED + id);
  if (kept) {
    fill(JSON.parse(kept));
    say(words("restored"));
  } else if (!form.elements.started_at.value) {
    const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    form.elements.started_at.value = now;
    form.elements.ended_at.value = now;
  }
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem(QUEUED + id, JSON.stringify(pairs()));
    localStorage.removeItem(DRAFT + id);
    document.getElementById("send").disabled = true;
    if (!navigator.onLine) state.textContent = words("queued");
    sendAll();
  });
  addEventListener("offline", () => { state.textContent = words("offline"); });
  addEventListener("online", () => { if (!queuedIds().includes(id)) state.textContent = words("online"); });
}
addEventListener("online", sendAll);
showQueue();
sendAll();
