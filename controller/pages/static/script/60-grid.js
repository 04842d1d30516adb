// The map of a container: a grid of one tab stop with arrow keys, a card of the miner in focus, and miners chosen for a deed.
{
  const bar = document.querySelector("form[data-chosen]");
  let later = 0;

  const get = async (path, put, more) => {
    try {
      const answer = await fetch(path, { headers: { "X-Part": "1" }, ...more });
      const text = await answer.text();
      if (answer.headers.has("X-Part")) put(text);
    } catch (error) {
      console.warn(path, error);
    }
  };
  // How many are chosen and what they draw, in words that the server makes.
  const tell = () => {
    clearTimeout(later);
    const mine = later = setTimeout(() => {
      const put = (text) => { if (mine === later) bar.querySelector("[data-chosen-told]").textContent = text; };
      get(bar.dataset.chosen, put, { method: "POST", body: new URLSearchParams(new FormData(bar)) });
    }, 120);
  };

  const prepare = (table) => {
    const links = [...table.querySelectorAll("tbody a")];
    const card = document.querySelector("[data-card]");
    const on = (name, act) => table.addEventListener(name, act);
    const over = (event) => event.target.closest("tbody a");
    const spot = (link) => [link.closest("tr").sectionRowIndex, link.parentElement.cellIndex];
    const id = (link) => decodeURIComponent(link.pathname.slice("/miners/".length));
    const chosen = new Set();
    let at = links[0], anchor = at, shown = null, wait = 0, drag = null, dragged = false;

    const line = (axis, of = at) => links.filter((link) => spot(link)[axis] === spot(of)[axis]);
    const next = (axis, sign) => line(axis)[line(axis).indexOf(at) + sign];
    const between = (one, other) => {
      const ends = [spot(one), spot(other)];
      const within = (place, axis) => (place - ends[0][axis]) * (place - ends[1][axis]) <= 0;
      return links.filter((link) => spot(link).every(within));
    };
    const show = (link) => {
      shown = link;
      get(card.dataset.card + encodeURIComponent(id(link)), (text) => {
        if (shown === link && !card.contains(document.activeElement)) card.innerHTML = text;
      });
    };
    const soon = (link) => {
      clearTimeout(wait);
      if (link && link !== shown) wait = setTimeout(show, 100, link);
    };
    const choose = (some) => {
      chosen.clear();
      for (const link of some) chosen.add(link);
      for (const link of links) link.parentElement.setAttribute("aria-selected", chosen.has(link));
      bar.hidden = !chosen.size;
      bar.querySelector("[data-names]").replaceChildren(...[...chosen].map((link) =>
        Object.assign(document.createElement("input"), { type: "hidden", name: "miner", value: id(link) })));
      if (chosen.size) tell();
    };
    const turn = (some) => {
      const all = some.every((link) => chosen.has(link));
      choose(all ? [...chosen].filter((link) => !some.includes(link)) : [...chosen, ...some]);
    };

    table.setAttribute("role", "grid");
    for (const link of links) link.tabIndex = link === at ? 0 : -1;
    card.hidden = false;
    setInterval(() => shown && !document.hidden && show(shown), 10000);
    on("pointerover", (event) => soon(over(event)));
    on("focusin", (event) => {
      at.tabIndex = -1;
      at = over(event) ?? at;
      at.tabIndex = 0;
      soon(at);
    });

    const chooses = "chooses" in table.dataset;
    // As in tables; on a keyboard of another script the key's place counts.
    const marks = ({ key, code }) => "shortcuts" in document.body.dataset && (/^[\x21-\x7e]$/.test(key) ? key.toLowerCase() === "x" : code === "KeyX");
    on("keydown", (event) => {
      const all = event.ctrlKey || event.metaKey;
      const to = {
        ArrowUp: () => next(1, -1), ArrowDown: () => next(1, 1), ArrowLeft: () => next(0, -1), ArrowRight: () => next(0, 1),
        Home: () => (all ? links : line(0))[0], End: () => (all ? links : line(0)).at(-1),
      }[event.key];
      if (to && !event.altKey) {
        to()?.focus();
        if (!event.shiftKey) anchor = at;
        else if (chooses) choose(between(anchor, at));
      } else if (!chooses) return;
      else if (event.key === " " || (!all && marks(event))) turn(event.shiftKey ? line(0) : all ? line(1) : [anchor = at]);
      else if (all && event.code === "KeyA") choose(links);
      else if (event.key === "Escape" && chosen.size) choose([]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    if (!chooses) return;

    table.setAttribute("aria-multiselectable", "true");
    on("dragstart", (event) => event.preventDefault());
    on("pointerdown", (event) => {
      drag = event.button || event.shiftKey || event.pointerType === "touch" ? null : over(event);
      dragged = false;
    });
    on("pointermove", (event) => {
      const link = over(event);
      if (!drag || !link || !(event.buttons & 1) || (link === drag && !dragged)) return;
      dragged = true;
      anchor = drag;
      choose(between(drag, link));
    });
    on("click", (event) => {
      const link = over(event), head = event.target.closest("th");
      if (head) turn(links.filter((one) => (head.scope === "row" ? head.parentElement.contains(one) : spot(one)[1] === head.cellIndex)));
      if (!link || !event.detail) return;
      event.preventDefault();
      link.focus();
      if (dragged) return;
      if (event.shiftKey) return choose(between(anchor, link));
      anchor = link;
      if (event.ctrlKey || event.metaKey || event.pointerType === "touch") turn([link]);
      else choose(chosen.size === 1 && chosen.has(link) ? [] : [link]);
    });
    bar.querySelector("[data-choose]").addEventListener("change", ({ target }) => {
      choose(links.filter((link) => `all ${link.dataset.state}`.split(" ").includes(target.value)));
      target.value = "";
    });
  };
  for (const table of document.querySelectorAll(".cells")) if (table.querySelector("tbody a")) prepare(table);

  const all = document.querySelector("[data-choose-all]");
  if (all) {
    all.hidden = false;
    document.addEventListener("change", ({ target }) => {
      if (target === all) for (const box of bar.elements.miner.length ? bar.elements.miner : [bar.elements.miner]) box.checked = all.checked;
      if (target === all || target.name === "miner") tell();
    });
  }
}
