// Tables of rows: one goes from row to row by j and k, ticks by x and opens by Enter; what is ticked is counted.
{
  const table = document.querySelector("[data-rows]");
  const form = document.querySelector("#chosen");
  const keys = "shortcuts" in document.body.dataset;

  if (table) {
    const lead = (row) => row?.querySelector("a[href], summary");
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter(lead);
    const at = () => rows.indexOf(document.activeElement?.closest("tr"));
    const box = (row) => row?.querySelector("input[name=miner]");
    const letter = (event) => (/^[\x21-\x7e]$/.test(event.key) || !event.code.startsWith("Key") ? event.key.toLowerCase() : event.code[3].toLowerCase());
    document.addEventListener("keydown", (event) => {
      if (!keys || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
      const key = letter(event);
      const now = at();
      if (key === "j" || key === "k") {
        const next = rows[Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + (key === "j" ? 1 : -1)))];
        lead(next)?.focus();
        } else if (key === "x" && now >= 0 && box(rows[now])) {
        box(rows[now]).click();
      } else if (event.key === "Enter" && now >= 0 && event.target.type === "checkbox") {
        lead(rows[now])?.click();
      } else return;
      event.preventDefault();
    });
  }

  const selection = document.querySelector("[data-selection]");
  if (form && selection) {
    const boxes = [...form.querySelectorAll("input[name=miner]")];
    const all = form.querySelector("[data-all]");
    const match = form.querySelector("[data-match]");
    const count = selection.querySelector("[data-count]");
    let last = null;
    const tell = () => {
      const number = boxes.filter((box) => box.checked).length;
      all.checked = number === boxes.length;
      all.indeterminate = number > 0 && number < boxes.length;
      count.textContent = match.checked ? "" : number ? count.dataset.some.replace("{}", number) : count.dataset.none;
      for (const one of [...boxes, all]) one.disabled = match.checked;
      selection.toggleAttribute("data-chosen", number > 0 || match.checked);
      for (const one of selection.querySelectorAll("button")) one.hidden = !number && !match.checked;
    };
    all.hidden = false;
    form.addEventListener("click", (event) => {
      const here = boxes.indexOf(event.target);
      if (here < 0) return;
      if (event.shiftKey && last !== null) {
        for (const box of boxes.slice(Math.min(here, last), Math.max(here, last) + 1)) box.checked = event.target.checked;
      }
      last = here;
    });
    form.addEventListener("change", (event) => {
      if (event.target === all) for (const box of boxes) box.checked = all.checked;
      tell();
    });
    addEventListener("pageshow", tell);
    tell();
  }
}
