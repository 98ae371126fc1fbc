// The editor of policies: marks what the server finds wrong as one types, and suggests names.
"use strict";
(() => {
  const shapes = {};
  let area, mirror, list, timer, asked = 0, names = [], chosen = 0, start = 0;
  const faults = () => [...document.querySelectorAll("#problems a[data-line]")].map((a) => a.dataset);
  const make = (name, values) => Object.assign(document.createElement(name), values);
  const named = (words) => Object.fromEntries(words.split(" ").map((word) => [word, null]));

  function begin(field) {
    if (field === area) return;
    area = field;
    mirror = area.previousElementSibling;
    list = make("ul", { id: "suggestions", role: "listbox", ariaLabel: area.dataset.label });
    list.hidden = mirror.hidden = false;
    area.after(list);
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-controls", list.id);
    area.addEventListener("scroll", marked);
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take([...list.children].indexOf(event.target));
    });
    close();
    marked();
  }

  function marked() {
    const wrong = faults();
    mirror.replaceChildren(...area.value.split("\n").flatMap((line, index) => {
      const parts = [];
      let at = 0;
      for (const { column, end } of wrong.filter((each) => +each.line === index + 1)) {
        const mark = document.createElement("mark"), from = Math.max(at, column - 1);
        parts.push(line.slice(at, from), mark);
        at = Math.max(from + 1, end - 1);
        mark.textContent = line.slice(from, at) || " ";
      }
      return [...parts, `${line.slice(at)}\n`];
    }));
    mirror.scrollTop = area.scrollTop;
    mirror.scrollLeft = area.scrollLeft;
    area.setAttribute("aria-invalid", wrong.length > 0);
  }

  async function check() {
    const mine = ++asked, { check: url, token: csrf } = area.dataset;
    try {
      const body = new URLSearchParams({ csrf, text: area.value }), answer = await fetch(url, { method: "POST", body });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("problems");
      if (mine !== asked) return; // more was typed
      document.getElementById("problems").replaceWith(document.adoptNode(found));
      marked();
    } catch {} // a key asks again
  }

  function changed() {
    asked++;
    marked();
    clearTimeout(timer);
    timer = setTimeout(check, 400);
  }

  // What may stand here, and its beginning.
  async function known() {
    const line = /.*$/.exec(area.value.slice(0, area.selectionStart))[0];
    if (/^\w+$/.test(line)) return [area.dataset.fields.split(" ").map((name) => `${name}: `), line];
    const type = /(?:^|[\s[,])([a-z]+\.[\w.]*)$/.exec(line);
    const types = [...document.querySelectorAll("#type-names option")].map((each) => each.value);
    if (type && types.some((each) => each.startsWith(type[1]))) return [types, type[1]];
    const path = /((?:\w+(?:\[\d+\])*\.)+)(\w*)$/.exec(line);
    return [Object.keys((path && (await below(path[1].slice(0, -1)))) ?? {}), path?.[2] ?? ""];
  }

  // The attributes below a path.
  async function below(path, depth = 0) {
    const [head, ...rest] = path.replace(/\[\d+\]/g, "").split("."), text = area.value;
    let found;
    if (head === "resource") {
      const types = /^resource_types:[^\]]*?(?:\]|\n\w|$(?![^]))/m.exec(text)?.[0].match(/\w+\.[\w.]+/g) ?? [];
      found = Object.assign(named(area.dataset.resource), ...(await Promise.all(types.map(shape))));
    } else if (head === "finding") found = named(area.dataset.finding);
    else if (head === "related") {
      const type = new RegExp(`^\\s+${rest.shift()}:[^}]*?type:\\s*([\\w.]+)`, "m").exec(text);
      found = type && (await shape(type[1]));
    } else if (depth < 5) {
      const before = text.slice(0, area.selectionStart);
      const loops = [...before.matchAll(/([\w.[\]]+)\.(?:exists(?:_one)?|all|filter|map)\(\s*(\w+)\s*,/g)];
      const loop = loops.findLast((each) => each[2] === head);
      found = loop && (await below(loop[1], depth + 1));
    }
    return rest.reduce((shape, step) => inside(shape?.[step]), inside(found));
  }

  function inside(shape) {
    while (Array.isArray(shape)) shape = shape[0];
    return typeof shape === "object" ? shape : null;
  }

  async function shape(type) {
    shapes[type] ??= fetch(`${area.dataset.schema}${type}/schema`).then((answer) => (answer.ok ? answer.json() : {}));
    return (await shapes[type]).document;
  }

  async function suggest() {
    const place = area.selectionStart, [every, begun] = await known();
    if (place !== area.selectionStart) return;
    names = every.filter((name) => name.toLowerCase().startsWith(begun.toLowerCase()) && name !== begun).slice(0, 80);
    start = place - begun.length;
    chosen = 0;
    shown();
  }

  function shown() {
    list.hidden = !names.length;
    area.setAttribute("aria-activedescendant", names.length ? `suggestion-${chosen}` : "");
    list.replaceChildren(...names.map((textContent, index) =>
      make("li", { id: `suggestion-${index}`, role: "option", textContent, ariaSelected: index === chosen })));
    if (list.hidden) return;
    list.children[chosen].scrollIntoView({ block: "nearest" });
    const lines = area.value.slice(0, start).split("\n");
    list.style.top = `calc(${lines.length * 1.5 + 0.6}em - ${area.scrollTop}px)`;
    list.style.left = `clamp(0px, ${lines.at(-1).length}ch - ${area.scrollLeft}px, 100% - ${list.offsetWidth}px)`;
  }

  function close() {
    names = [];
    shown();
  }

  function take(index) {
    if (!names[index]) return;
    area.setRangeText(names[index], start, area.selectionStart, "end");
    close();
    changed();
  }

  const on = (name, act) => document.addEventListener(name, (event) => {
    if (!event.target.matches?.("[data-editor]")) return;
    begin(event.target);
    act(event);
  });
  on("focusout", close);
  on("input", () => {
    changed();
    suggest();
  });
  on("keydown", (event) => {
    const { key } = event, step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (key === " " && event.ctrlKey) suggest();
    else if (!names.length || event.isComposing) return;
    else if (step) {
      chosen = (chosen + step + names.length) % names.length;
      shown();
    } else if (key === "Enter") take(chosen);
    else if (key === "Escape") close();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const place = event.target.closest?.("#problems a[data-line]")?.dataset;
    if (!place || !area) return;
    event.preventDefault();
    const lines = area.value.split("\n"), from = [...lines.slice(0, place.line - 1), ""].join("\n").length + +place.column - 1;
    area.focus();
    area.setSelectionRange(from, from + (place.end - place.column));
    area.scrollTop = (area.scrollHeight * (place.line - 9)) / lines.length;
  });
  document.querySelectorAll("[data-editor]").forEach(begin);
})();
