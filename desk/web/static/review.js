// The form of a review: keys, running score, drafts that save themselves, evidence marks, the lease.

import { csrf, keysAreOn, say, typingIn, words } from "./desk.js";
import { keyOf } from "./device.js";
import { scoreOf } from "./score.js";

const form = document.getElementById("review");
const criteria = [...form.querySelectorAll(".criterion")];
const number = form.dataset.number;
const rules = JSON.parse(document.getElementById("rules").textContent);
const output = document.getElementById("score");
const saved = document.getElementById("saved");
const lease = document.getElementById("lease");
const spoken = document.getElementById("spoken");
const player = document.getElementById("player");
const confirm = document.getElementById("confirm");
const figures = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const KEPT = keyOf("draft", number);
const SAVE_AFTER_MS = 900;
const WARN_S = 120;
const IDLE_MS = 60_000;
let current = criteria[0];
let lost = false;

const label = (criterion) => criterion.querySelector("legend").textContent.trim();
const field = (criterion, kind) => criterion.querySelector(`[name="${kind}.${CSS.escape(criterion.dataset.criterion)}"]`);
const fields = (criterion, kind) =>
  [...criterion.querySelectorAll(`[name="${kind}.${CSS.escape(criterion.dataset.criterion)}"]`)];

// Score

function valueOf(criterion) {
  const inputs = fields(criterion, "rating");
  const chosen = inputs.find((input) => input.checked);
  if (chosen) return chosen.value === "na" ? null : Number(chosen.value);
  const typed = inputs.find((input) => input.type === "number");
  return typed && typed.value !== "" ? Number(typed.value) : undefined;
}

function preview() {
  const result = scoreOf(
    criteria.map(({ dataset }) => ({
      weight: Number(dataset.weight), lowest: Number(dataset.lowest), highest: Number(dataset.highest), errorClass: dataset.class,
    })),
    criteria.map(valueOf),
    rules,
  );
  output.textContent = result.total === null ? "–" : figures.format(result.total);
  document.getElementById("progress").textContent = words("progress", { done: result.rated, all: criteria.length });
  return result;
}

// Drafts: on the desk, and on this device while the desk is away

let timer = 0;
let saving = Promise.resolve();
let clean = true;

function body() {
  form.elements.active_s.value = String(Math.round(activeMs / 1000));
  return new URLSearchParams(new FormData(form));
}

function keepHere() {
  const pairs = [...new FormData(form)].filter(([name]) => !["csrf", "token", "opened_at", "active_s", "time_before_s"].includes(name));
  localStorage.setItem(KEPT, JSON.stringify(pairs));
}

async function post(what) {
  return fetch(`/tasks/${number}/${what}`, {
    method: "POST", body: body(), credentials: "same-origin", redirect: "manual",
    headers: { accept: "application/json", "x-csrf-token": csrf },
  });
}

async function save() {
  if (lost) return;
  clean = true;
  saved.textContent = words("saving");
  try {
    const answer = await post("draft");
    if (answer.status === 409) return lose();
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    saved.textContent = words("saved", { at: told.saved_at });
    localStorage.removeItem(KEPT);
    // The page may have changed while the answer was under way: then its own preview is the newer one.
    if (clean) {
      output.textContent = told.preview.shown;
      document.getElementById("critical").textContent = told.preview.critical.join(" · ");
    }
  } catch {
    clean = false;
    keepHere();
    saved.textContent = words("away");
    clearTimeout(timer);
    timer = setTimeout(saveSoon, 5000, 0);
  }
}

function saveSoon(after = SAVE_AFTER_MS) {
  clearTimeout(timer);
  timer = setTimeout(() => { saving = saving.then(save); }, after);
}

form.addEventListener("input", () => { clean = false; preview(); saveSoon(); });
addEventListener("online", () => { if (!clean) saveSoon(0); });
addEventListener("pagehide", () => {
  if (clean || lost) return;
  keepHere();
  navigator.sendBeacon?.(`/tasks/${number}/draft`, body());
});

function restore() {
  const kept = localStorage.getItem(KEPT);
  if (!kept) return;
  const pairs = JSON.parse(kept);
  const places = {};
  for (const [name, value] of pairs) {
    const inputs = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    const choice = inputs.find((input) => ["radio", "checkbox"].includes(input.type) && input.value === value);
    if (choice) { choice.checked = true; continue; }
    const free = inputs.filter((input) => !["radio", "checkbox", "hidden"].includes(input.type));
    places[name] = (places[name] ?? -1) + 1;
    if (free[places[name]]) free[places[name]].value = value;
  }
  say(words("restored"));
  clean = false;
  saveSoon(0);
}

// One checkbox and one number share a name: what is typed last holds.
for (const criterion of criteria) {
  const typed = fields(criterion, "rating").find((input) => input.type === "number");
  const box = fields(criterion, "rating").find((input) => input.type === "checkbox");
  if (!typed || !box) continue;
  typed.addEventListener("input", () => { if (typed.value !== "") box.checked = false; });
  box.addEventListener("input", () => { if (box.checked) typed.value = ""; });
}

// Time spent: only while the page is seen and somebody does something

let activeMs = 0;
let lastDone = Date.now();
let lastTick = Date.now();
for (const kind of ["keydown", "pointerdown", "scroll", "input"]) {
  addEventListener(kind, () => { lastDone = Date.now(); }, { passive: true, capture: true });
}

// The lease: prolonged while somebody works, said when it ends

let endsAt = Date.now() + Number(form.dataset.leftS) * 1000;
let everyMs = Number(form.dataset.everyS) * 1000;
let nextBeat = Date.now() + everyMs;
let warned = false;

function lose() {
  lost = true;
  keepHere();
  document.getElementById("lease-lost").hidden = false;
  document.getElementById("send").disabled = true;
  saved.textContent = "";
  lease.textContent = "";
}

async function beat() {
  nextBeat = Date.now() + everyMs;
  try {
    const answer = await post("heartbeat");
    if (answer.status === 409) return lose();
    if (!answer.ok) return undefined;
    const told = await answer.json();
    endsAt = Date.now() + told.left_s * 1000;
    everyMs = told.every_s * 1000;
    nextBeat = Date.now() + everyMs;
    warned = false;
  } catch {
    nextBeat = Date.now() + Math.min(everyMs, 5000);
  }
  return undefined;
}

function tick() {
  const now = Date.now();
  if (document.visibilityState === "visible" && now - lastDone < IDLE_MS) activeMs += Math.min(now - lastTick, 2000);
  lastTick = now;
  if (lost) return;
  const leftS = Math.max(0, Math.round((endsAt - now) / 1000));
  const clock = `${Math.floor(leftS / 60)}:${String(leftS % 60).padStart(2, "0")}`;
  lease.textContent = words("left", { span: clock });
  lease.classList.toggle("warn", leftS < WARN_S);
  if (leftS < WARN_S && !warned) {
    warned = true;
    spoken.textContent = words("ending", { span: clock });
  }
  const working = now - lastDone < Math.max(IDLE_MS, everyMs) || (player && !player.paused);
  if ((now >= nextBeat && working) || leftS === 0 && now >= nextBeat) beat();
}

// Evidence

function addMark(place, told) {
  const input = field(current, "marks");
  input.closest("details").open = true;
  input.value = input.value.trim() ? `${input.value.trim()}; ${place}` : place;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  say(told);
}

for (const button of form.querySelectorAll(".mark")) {
  button.addEventListener("click", () => {
    button.closest(".line").classList.add("marked");
    addMark(button.dataset.line, words("marked", { n: button.dataset.line, criterion: label(current) }));
  });
}

function markMoment() {
  const whole = Math.floor(player.currentTime);
  const at = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  addMark(at, words("moment", { at, criterion: label(current) }));
}

document.getElementById("mark-moment")?.addEventListener("click", markMoment);
document.getElementById("speed")?.addEventListener("change", (event) => { player.playbackRate = Number(event.target.value); });

// Keys

function make(criterion) {
  current?.classList.remove("current");
  current = criterion;
  current.classList.add("current");
}

function go(step) {
  const at = criteria.indexOf(current);
  const started = current.contains(document.activeElement);
  make(criteria[Math.max(0, Math.min(criteria.length - 1, started ? at + step : at))]);
  current.focus({ preventScroll: true });
  current.scrollIntoView({ block: "nearest" });
}

function rate(key) {
  const inputs = fields(current, "rating");
  const typed = inputs.find((input) => input.type === "number");
  if (typed && key !== "na") {
    typed.value = key;
    typed.focus();
    typed.dispatchEvent(new Event("input", { bubbles: true }));
    return;
  }
  const choice = inputs.find((input) => input.value === key && input !== typed);
  if (!choice) return;
  choice.checked = true;
  choice.dispatchEvent(new Event("input", { bubbles: true }));
  const shown = choice.parentElement.textContent.trim();
  spoken.textContent = words("rated", { criterion: label(current), value: shown });
}

function openNote(kind) {
  const input = field(current, kind);
  input.closest("details").open = true;
  input.focus();
}

function evidence() {
  const line = document.activeElement.closest?.(".line");
  if (line) return line.querySelector(".mark").click();
  if (player) return markMoment();
  return openNote("marks");
}

const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  n: () => rate("na"),
  c: () => openNote("comment"),
  e: evidence,
  g: () => {
    const guide = current.querySelector(".guide");
    if (guide) guide.open = !guide.open;
  },
  f: () => document.getElementById("strength-0").focus(),
  t: () => {
    const pane = document.querySelector(".evidence-body");
    if (pane.contains(document.activeElement)) current.focus();
    else pane.focus();
  },
  p: () => { if (player) (player.paused ? player.play() : player.pause()); },
  s: () => ask(),
};

for (const criterion of criteria) criterion.addEventListener("focusin", () => make(criterion));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && typingIn(event.target) && form.contains(event.target)) {
    event.preventDefault();
    current.focus();
    return;
  }
  if (!keysAreOn() || typingIn(event.target)) return;
  const act = /^[0-9]$/.test(event.key) ? () => rate(event.key) : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// Submit, after a question

function ask() {
  if (lost) return;
  const result = preview();
  document.getElementById("confirm-score").textContent = output.textContent;
  const wanting = criteria.length - result.rated;
  document.getElementById("confirm-missing").textContent = wanting ? words("missing", { n: wanting }) : "";
  confirm.returnValue = "";
  confirm.showModal();
}

form.addEventListener("submit", (event) => {
  if (event.submitter?.formAction.endsWith("/draft") || form.dataset.confirmed) return;
  event.preventDefault();
  ask();
});

confirm.addEventListener("close", async () => {
  if (confirm.returnValue !== "yes") return;
  form.dataset.confirmed = "1";
  clearTimeout(timer);
  await saving;
  clean = true;
  localStorage.removeItem(KEPT);
  form.elements.active_s.value = String(Math.round(activeMs / 1000));
  form.submit();
});

// More than one strength or point: one field at a time

for (const extra of form.querySelectorAll("[data-extra]")) {
  extra.hidden = true;
  if (extra.previousElementSibling.previousElementSibling?.hidden) continue;
  const more = document.createElement("button");
  more.type = "button";
  more.className = "plain";
  more.textContent = words("add");
  more.addEventListener("click", () => {
    const next = more.parentElement.querySelector("[data-extra][hidden]");
    if (!next) return;
    next.hidden = false;
    next.focus();
    if (!more.parentElement.querySelector("[data-extra][hidden]")) more.remove();
  });
  extra.closest("fieldset").append(more);
}

restore();
preview();
setInterval(tick, 1000);
tick();
