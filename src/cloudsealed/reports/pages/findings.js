"use strict";
(() => {
  const form = document.getElementById("filters"), search = document.getElementById("search");
  const selects = [...form.querySelectorAll("select")], count = document.getElementById("count");
  const OPENED = 50; // findings that are few enough to be shown at once
  const groups = [...document.querySelectorAll("details.policy")].map(node => ({
    node,
    number: node.querySelector(".number"),
    text: (node.querySelector("summary").textContent + node.querySelector(".about").textContent).toLowerCase(),
    rows: [...node.querySelectorAll(".findings > li")].map(row => ({ row, text: "" })),
  }));
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const initially = count.textContent;

  function matches(group, each, words, wanted) {
    for (const [name, value] of wanted)
      if ((name === "d" ? group.node : each.row).dataset[name] !== value) return false;
    if (!words.length) return true;
    each.text ||= each.row.textContent.toLowerCase();
    return words.every(word => each.text.includes(word) || group.text.includes(word));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = selects.filter(each => each.value).map(each => [each.dataset.by, each.value]);
    let found = 0;
    for (const group of groups) {
      let own = 0;
      for (const each of group.rows) {
        const good = matches(group, each, words, wanted);
        each.row.hidden = !good;
        own += good;
      }
      group.node.hidden = !own;
      group.number.textContent = own === group.rows.length ? own : `${own} of ${group.rows.length}`;
      found += own;
    }
    const narrowed = words.length + wanted.length > 0;
    const opened = narrowed && found <= OPENED;
    for (const group of groups) if (opened || !narrowed) group.node.open = opened && !group.node.hidden;
    count.textContent = narrowed ? `${found} of ${total} findings` : initially;
    document.getElementById("none").hidden = found > 0 || total === 0;
    const said = new URLSearchParams(wanted);
    if (words.length) said.set("q", search.value);
    try { history.replaceState(null, "", narrowed ? `#${said}` : location.pathname + location.search); } catch { }
  }

  const given = new URLSearchParams(location.hash.slice(1));
  search.value = given.get("q") || "";
  for (const each of selects) {
    const value = given.get(each.dataset.by) || "";
    if ([...each.options].some(option => option.value === value)) each.value = value;
  }
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  form.addEventListener("change", filter);
  form.addEventListener("submit", event => { event.preventDefault(); filter(); });
  form.addEventListener("reset", () => setTimeout(filter));
  form.hidden = false;
  if (search.value || selects.some(each => each.value)) filter();
})();
