// Makes pages quick that work without it: parts are swapped instead of loaded, the keyboard finds
// the search, and an audit that runs is watched. Nothing is shown that the server has not written.
"use strict";

const main = () => document.getElementById("main");
const here = () => location.pathname + location.search;
let asked = 0;
let current = here();

async function go(url, { push = true, focus = null, body = null } = {}) {
  const mine = ++asked;
  main().setAttribute("aria-busy", "true");
  let answer;
  try {
    answer = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Accept: "text/html" } });
  } catch {
    location.href = url;
    return;
  }
  const text = await answer.text();
  if (mine !== asked) return; // another page was asked for meanwhile
  const found = new DOMParser().parseFromString(text, "text/html");
  const [next, side] = [found.getElementById("main"), found.querySelector(".side")];
  if (!next || !side || !answer.headers.get("content-type")?.startsWith("text/html")) {
    location.href = url;
    return;
  }
  if ([...found.scripts].some((script) => ![...document.scripts].some((each) => each.src === script.src))) {
    location.href = url; // the page has a script of its own
    return;
  }
  main().replaceWith(document.adoptNode(next));
  document.querySelector(".side").replaceWith(document.adoptNode(side));
  document.title = found.title;
  if (push) history.pushState(null, "", answer.url);
  current = here();
  if (!location.hash && push && !focus) scrollTo(0, 0);
  const held = focus && document.getElementById(focus);
  if (held) held.focus();
  else if (push) main().focus({ preventScroll: true });
  ready();
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const copy = event.target.closest("button.copy");
  if (copy) return void copied(copy);
  const link = event.target.closest("a[href]");
  if (!link || link.target || link.hasAttribute("download") || link.dataset.whole !== undefined) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || !link.closest("#main, .side") || (url.hash && url.pathname === location.pathname)) return;
  event.preventDefault();
  go(url.href, { focus: link.id });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get" || !form.closest("#main")) return;
  event.preventDefault();
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
  go(`${form.action.split("?")[0]}?${query}`, { focus: document.activeElement?.id });
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.dataset.all !== undefined) {
    for (const box of document.querySelectorAll(`input[name="${field.dataset.all}"]`)) box.checked = field.checked;
  }
  if (field.closest("form[data-now]")) field.form.requestSubmit();
  counted();
});

addEventListener("popstate", () => {
  if (here() !== current) go(location.href, { push: false }); // a link within the page moves the focus alone
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const search = document.getElementById("q");
  if (!search) return;
  if ((event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === "Escape") for (const open of document.querySelectorAll("details.menu[open]")) open.open = false;
});

async function copied(button) {
  const from = document.getElementById(button.dataset.from);
  try {
    await navigator.clipboard.writeText(button.dataset.text ?? from.value ?? from.textContent);
    button.textContent = button.dataset.done;
  } catch {
    if (from?.select) from.select();
    else getSelection().selectAllChildren(from ?? button);
  }
}

function counted() {
  for (const shown of document.querySelectorAll("[data-counts]")) {
    const boxes = document.querySelectorAll(`input[name="${shown.dataset.counts}"]:checked`);
    shown.textContent = boxes.length;
  }
}

document.addEventListener("input", (event) => {
  if (event.target.dataset.finds === undefined) return;
  const sought = event.target.value.trim().toLowerCase();
  let hits = 0;
  let first = null;
  for (const item of document.querySelectorAll(".document li")) {
    const parts = item.querySelectorAll(":scope > .key, :scope > .value, :scope > details > summary > .key");
    const isFound = sought !== "" && [...parts].some((part) => part.textContent.toLowerCase().includes(sought));
    item.classList.toggle("found", isFound);
    if (!isFound) continue;
    hits++;
    first ??= item;
    for (let up = item.parentElement.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
  }
  const shown = document.querySelector("[data-hits]");
  shown.textContent = sought ? shown.dataset.form.replace("{n}", hits) : "";
  first?.scrollIntoView({ block: "nearest" });
});

let stream = null;
function watched() {
  stream?.close();
  stream = null;
  const place = document.querySelector("[data-live]");
  if (!place || !window.EventSource) return;
  stream = new EventSource(place.dataset.live);
  const anew = () => refreshed();
  for (const name of ["status", "progress"]) stream.addEventListener(name, anew);
}

let refreshing = false, again = false;
async function refreshed() {
  again = refreshing; // what was told meanwhile is shown too
  if (again) return;
  refreshing = true;
  try {
    const text = await (await fetch(location.href)).text();
    const found = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = found.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!next) continue;
      const held = part.contains(document.activeElement) ? document.activeElement : null;
      part.replaceWith(document.adoptNode(next));
      if (held) (document.getElementById(held.id) ?? next.querySelector("a, summary, button, input") ?? main()).focus();
    }
    if (stream && !found.querySelector("[data-live]")) {
      stream.close();
      go(location.href, { push: false });
    }
  } finally {
    setTimeout(() => {
      refreshing = false;
      if (again) refreshed();
    }, 1000); // an audit that runs tells more often than people read
  }
}

function awaited() {
  if (!document.querySelector("[data-pending]")) return;
  setTimeout(async () => {
    if (!document.querySelector("[data-pending]")) return;
    await refreshed();
    awaited();
  }, 800);
}

// Where there is no room beside the list, the filters are shut until somebody wants them.
const narrow = matchMedia("(max-width: 64rem)");
function fitted() {
  for (const box of document.querySelectorAll("details.narrowing")) box.open = !narrow.matches;
}
narrow.addEventListener("change", fitted);

function ready() {
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
  counted();
  fitted();
  watched();
  awaited();
}
ready();
