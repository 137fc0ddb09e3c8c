// Small comforts on top of pages that work without script: copying, dialogs, menus, one click.
"use strict";

document.documentElement.classList.add("scripted");

/** Say something to people who listen to the page rather than look at it. */
function announce(text) {
  const region = document.getElementById("announce");
  if (region) region.textContent = text;
}

/** Copy what a `[data-copy]` button stands for: the field or text whose id it names. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = "value" in source ? source.value : source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard on plain HTTP: leave the text selected for the keyboard.
    if ("select" in source) source.select();
    else getSelection().selectAllChildren(source);
    return;
  }
  const label = button.querySelector("[data-label]") || button;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  announce(button.dataset.copied);
  setTimeout(() => {
    label.textContent = before;
  }, 2000);
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const copier = target.closest("[data-copy]");
  if (copier) copy(copier);

  // A link to a confirmation page opens the same question in place.
  const opener = target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
  }
  const closer = target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
  if (target instanceof HTMLDialogElement) target.close();
  if (target.closest("[data-print]")) window.print();

  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// The second click of a double click has nothing left to press.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent === "1") {
    event.preventDefault();
    return;
  }
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post], [data-again]")) {
    return;
  }
  form.dataset.sent = "1";
  if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
});

// Coming back by the back button shows the page as it was left, with its buttons spent.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) {
      button.removeAttribute("aria-disabled");
    }
  }
});

/** Count down in every `[data-seconds]`: how long something holds, as minutes and seconds. */
function countDown(root) {
  for (const timer of root.querySelectorAll("[data-seconds]")) {
    const end = performance.now() + Number(timer.dataset.seconds) * 1000;
    const show = () => {
      const left = Math.max(Math.round((end - performance.now()) / 1000), 0);
      timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (left && timer.isConnected) setTimeout(show, 1000);
    };
    show();
  }
}
countDown(document);
document.addEventListener("htmx:afterSwap", (event) => countDown(event.target.parentNode || document));

// A passkey that gives no answer says so on the page, not only in the console.
document.addEventListener("allauth.error", (event) => {
  const trouble = document.querySelector("[data-passkey-trouble]");
  if (!trouble) return;
  event.preventDefault();
  trouble.hidden = false;
});
