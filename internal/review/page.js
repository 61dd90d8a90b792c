"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const [text, role, scope, kind] = ["text", "role", "scope", "kind"].map(find);
  const rows = [...document.querySelectorAll(".action")];
  const words = (list) => (list ? list.split(" ") : []);
  const has = (list, value) => words(list).includes(value);
  const lets = (list) => role.value === "" || has(list, "*") || has(list, role.value);

  function show() {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const content = (row.closest("section").querySelector("h2").textContent + " " + row.textContent).toLowerCase();
      row.hidden = !(
        wanted.every((word) => content.includes(word)) &&
        lets(row.dataset.roles) &&
        (!scope || scope.value === "" || has(row.dataset.scopes, scope.value)) &&
        (kind.value === "" || has(row.dataset.kinds, kind.value))
      );
      count += row.hidden ? 0 : 1;
      for (const grant of row.querySelectorAll(".grants li")) grant.classList.toggle("dim", !lets(grant.dataset.roles));
    }
    for (const section of document.querySelectorAll("section:has(.action)")) {
      section.hidden = ![...section.querySelectorAll(".action")].some((row) => !row.hidden);
    }
    find("count").textContent = count === rows.length ? "" : `${count} of ${rows.length} actions`;
  }

  const form = find("filters");
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
})();
