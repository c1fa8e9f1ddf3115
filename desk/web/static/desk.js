// On every page: mark that scripts run, dialogs, shortcuts that hold everywhere, questions before what can't be undone.

import { forgetAll, idsOf } from "./device.js";

export const words = (() => {
  const block = document.getElementById("words");
  const known = block ? JSON.parse(block.textContent) : {};
  return (name, values = {}) =>
    (known[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
})();

export const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

const KEYS_OFF = "tafol-keys-off";

/** Single-key shortcuts can be switched off: speech input and stray fingers must not rate (WCAG 2.1.4). */
export function keysAreOn() {
  return localStorage.getItem(KEYS_OFF) !== "1";
}

export function typingIn(element) {
  return element instanceof HTMLElement && (element.isContentEditable ||
    element.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=button], [type=submit])"));
}

/** Say something to everybody: on screen for a while, and to screen readers. */
export function say(text) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { toast.textContent = ""; }, 6000);
}

document.documentElement.classList.add("scripted");

// On a small screen the menu scrolls sideways: the place where one is comes into view.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const shortcuts = document.getElementById("shortcuts");
for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.addEventListener("click", () => document.getElementById(opener.dataset.opens)?.showModal());
}
for (const closer of document.querySelectorAll("[data-closes]")) {
  closer.addEventListener("click", () => closer.closest("dialog").close());
}
const keysSwitch = document.getElementById("keys-on");
if (keysSwitch) {
  keysSwitch.checked = keysAreOn();
  keysSwitch.addEventListener("change", () => {
    if (keysSwitch.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typingIn(event.target)) return;
  if (event.key === "?" && shortcuts && !shortcuts.open) {
    event.preventDefault();
    shortcuts.showModal();
  }
  if (event.key === "N" && keysAreOn() && !document.querySelector("dialog[open]")) {
    document.getElementById("next-item")?.click();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.account[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.account[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

const question = document.getElementById("question");
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.confirmed || !question) return;
    event.preventDefault();
    question.querySelector("p").textContent = form.dataset.confirm;
    question.returnValue = "";
    question.showModal();
    question.addEventListener("close", () => {
      if (question.returnValue !== "yes") return;
      form.dataset.confirmed = "1";
      form.requestSubmit(event.submitter ?? undefined);
    }, { once: true });
  });
}

// Signing out takes everything of this person off the device; what is not sent yet is asked about first.
const leaving = document.querySelector('form[action="/sign-out"]');
leaving?.addEventListener("submit", async (event) => {
  if (leaving.dataset.cleared) return;
  event.preventDefault();
  const leave = async () => {
    await forgetAll();
    leaving.dataset.cleared = "1";
    leaving.requestSubmit();
  };
  if (!idsOf("observation-send").length) return void leave();
  question.querySelector("p").textContent = leaving.dataset.unsent;
  question.returnValue = "";
  question.showModal();
  question.addEventListener("close", () => { if (question.returnValue === "yes") leave(); }, { once: true });
});

for (const wanted of document.querySelectorAll("[data-print]")) wanted.addEventListener("click", () => print());
document.querySelector("[data-focus-first]")?.focus();
