// The map of a container: a grid of one tab stop with arrow keys, a card of the miner in focus, and miners chosen for a deed.
{
  const boxes = () => [...document.querySelectorAll(".miner-rows input[name=miner]")];
  const bar = document.querySelector("form[data-chosen]");
  let asked = 0, later = 0;

  // How many are chosen and what they draw, in words that the server makes.
  const tell = (ids) => {
    clearTimeout(later);
    later = setTimeout(async () => {
      const mine = ++asked;
      const body = new URLSearchParams([["csrf", bar.elements.csrf.value], ...ids.map((id) => ["miner", id])]);
      try {
        const answer = await fetch(bar.dataset.chosen, { method: "POST", body, headers: { "X-Part": "1" } });
        const text = await answer.text();
        if (mine === asked && answer.headers.has("X-Part")) bar.querySelector("[data-chosen-told]").textContent = text;
      } catch (error) {
        console.warn(error);
      }
    }, 120);
  };

  const grid = (table) => {
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1));
    const link = (row, column) => rows[row]?.[column]?.firstElementChild;
    const links = [...table.querySelectorAll("tbody a")];
    const where = new Map();
    rows.forEach((cells, row) => cells.forEach((cell, column) => cell.firstElementChild && where.set(cell.firstElementChild, [row, column])));
    const chooses = table.hasAttribute("data-chooses") && bar;
    const card = document.querySelector("[data-card]");
    const id = (one) => decodeURIComponent(one.pathname.split("/").pop());
    const chosen = new Set();
    let at = links[0], anchor = at, shown = null, dragged = null, before = new Set();

    table.setAttribute("role", "grid");
    if (chooses) table.setAttribute("aria-multiselectable", "true");
    for (const one of links) one.tabIndex = one === at ? 0 : -1;

    const mark = () => {
      for (const one of links) {
        if (chosen.has(one)) one.parentElement.setAttribute("aria-selected", "true");
        else one.parentElement.removeAttribute("aria-selected");
      }
      bar.hidden = !chosen.size;
      const names = bar.querySelector("[data-names]");
      names.replaceChildren(...[...chosen].map((one) => Object.assign(document.createElement("input"), { type: "hidden", name: "miner", value: id(one) })));
      if (chosen.size) tell([...chosen].map(id));
    };
    const choose = (some, keep) => {
      if (!keep) chosen.clear();
      for (const one of some) chosen.add(one);
      mark();
    };
    const toggle = (some) => {
      const all = some.every((one) => chosen.has(one));
      for (const one of some) all ? chosen.delete(one) : chosen.add(one);
      mark();
    };
    const between = (one, other) => {
      const [top, left] = where.get(one), [bottom, right] = where.get(other);
      return links.filter((each) => {
        const [row, column] = where.get(each);
        return (row - top) * (row - bottom) <= 0 && (column - left) * (column - right) <= 0;
      });
    };
    const ofRow = (row) => links.filter((one) => where.get(one)[0] === row);
    const ofColumn = (column) => links.filter((one) => where.get(one)[1] === column);

    const show = async (one) => {
      shown = one;
      try {
        const answer = await fetch(card.dataset.card + encodeURIComponent(id(one)), { headers: { "X-Part": "1" } });
        const text = await answer.text();
        if (shown === one && answer.headers.has("X-Part") && !card.contains(document.activeElement)) card.innerHTML = text;
      } catch (error) {
        console.warn(error);
      }
    };
    let wait = 0;
    const soon = (one) => {
      clearTimeout(wait);
      if (one && one !== shown) wait = setTimeout(() => show(one), 100);
    };
    if (card) {
      card.hidden = false;
      setInterval(() => shown && !document.hidden && show(shown), 10000);
    }

    const go = (one) => {
      if (!one) return false;
      at.tabIndex = -1;
      at = one;
      at.tabIndex = 0;
      at.focus();
      return true;
    };
    const step = (down, right) => {
      let [row, column] = where.get(at);
      do { row += down; column += right; } while (rows[row]?.[column] && !link(row, column));
      return link(row, column);
    };

    table.addEventListener("focusin", (event) => {
      const one = event.target.closest("tbody a");
      if (!one) return;
      at.tabIndex = -1;
      at = one;
      at.tabIndex = 0;
      soon(one);
    });
    table.addEventListener("pointerover", (event) => soon(event.target.closest("tbody a")));
    table.addEventListener("keydown", (event) => {
      const [row, column] = where.get(at);
      const line = ofRow(row);
      const to = {
        ArrowUp: () => step(-1, 0), ArrowDown: () => step(1, 0), ArrowLeft: () => step(0, -1), ArrowRight: () => step(0, 1),
        Home: () => (event.ctrlKey ? links[0] : line[0]), End: () => (event.ctrlKey ? links.at(-1) : line.at(-1)),
        PageUp: () => ofColumn(column)[0], PageDown: () => ofColumn(column).at(-1),
      }[event.key];
      if (to && !event.altKey && !event.metaKey) {
        if (go(to()) && chooses && event.shiftKey) choose(between(anchor, at));
        else if (!event.shiftKey) anchor = at;
      } else if (chooses && event.key === " ") {
        toggle(event.shiftKey ? line : event.ctrlKey ? ofColumn(column) : [at]);
        anchor = at;
      } else if (chooses && event.key === "a" && event.ctrlKey) choose(links);
      else if (chooses && event.key === "Escape" && chosen.size) choose([]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    if (!chooses) return;

    table.addEventListener("pointerdown", (event) => {
      const one = event.target.closest("tbody a");
      if (!one || event.button || event.pointerType === "touch") return;
      dragged = event.shiftKey ? anchor : one;
      before = new Set(event.ctrlKey || event.metaKey ? chosen : []);
    });
    table.addEventListener("pointermove", (event) => {
      const one = event.target.closest("tbody a");
      if (!dragged || !one || !(event.buttons & 1) || (one === dragged && chosen.size < 2)) return;
      choose([...before, ...between(dragged, one)]);
    });
    addEventListener("pointerup", () => { dragged = null; });
    table.addEventListener("dragstart", (event) => event.preventDefault());
    table.addEventListener("click", (event) => {
      const one = event.target.closest("tbody a");
      const head = event.target.closest("th");
      if (head) {
        const index = head.cellIndex - 1;
        toggle(head.scope === "row" ? ofRow(head.parentElement.sectionRowIndex) : ofColumn(index));
      } else if (one && event.detail) {
        event.preventDefault();
        if (event.shiftKey) return choose(between(anchor, one));
        if (event.pointerType !== "touch" && !event.ctrlKey && !event.metaKey && chosen.size > 1 && chosen.has(one) && !before.size && anchor !== one) return;
        const alone = chosen.size === 1 && chosen.has(one);
        if (event.ctrlKey || event.metaKey || event.pointerType === "touch") toggle([one]);
        else choose(alone ? [] : [one]);
        anchor = one;
        go(one);
      }
    });
    table.addEventListener("dblclick", (event) => {
      const one = event.target.closest("tbody a");
      if (one) location.href = one.href;
    });
    bar.querySelector("[data-choose]").addEventListener("change", (event) => {
      const word = event.target.value;
      event.target.value = "";
      if (word === "none") choose([]);
      else if (word) choose(links.filter((one) => word === "all" || one.dataset.state.split(" ").includes(word)));
    });
  };

  document.querySelectorAll(".cells").forEach(grid);

  const all = document.querySelector("[data-choose-all]");
  if (all && bar) {
    all.hidden = false;
    const ticked = () => boxes().filter((box) => box.checked).map((box) => box.value);
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      tell(ticked());
    });
    for (const box of boxes()) box.addEventListener("change", () => tell(ticked()));
    if (ticked().length) tell(ticked());
  }
}
