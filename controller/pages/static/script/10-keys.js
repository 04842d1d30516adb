"use strict";

// Keys that go places, the dialogue that lists them, and menus that close as one expects.
{
  const letter = (event) => {
    const key = event.key.toLowerCase();
    // On a keyboard of another script the key's place counts.
    return /^[\x21-\x7e]$/.test(key) || !event.code.startsWith("Key") ? key : event.code[3].toLowerCase();
  };
  const writes = (element) => element.closest("input:not([type=checkbox]):not([type=radio]), select, textarea, [contenteditable]");
  const menus = () => document.querySelectorAll("details.menu[open]");
  let gone = 0;

  const search = () => {
    const field = [...document.querySelectorAll("[data-search]")].find((one) => one.closest(".phone") === null && one.offsetParent !== null)
      ?? document.querySelector(".phone [data-search]");
    if (!field) return;
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    field.select();
  };

  const help = async (link) => {
    if (document.querySelector("dialog[open]")) return;
    let dialogue = document.querySelector("#keys-dialogue");
    if (!dialogue) {
      const page = await fetch(link.href, { headers: { Accept: "text/html" } }).then((answer) => (answer.ok ? answer.text() : ""), () => "");
      const told = new DOMParser().parseFromString(page, "text/html").querySelector("[data-keys-told]");
      if (!told) {
        location.assign(link.href);
        return;
      }
      dialogue = document.createElement("dialog");
      dialogue.id = "keys-dialogue";
      dialogue.setAttribute("aria-labelledby", "keys-title");
      dialogue.append(document.importNode(told, true));
      dialogue.querySelector("[data-close]").hidden = false;
      document.body.append(dialogue);
    }
    dialogue.showModal();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of menus()) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (event.target.matches?.("[data-search]")) event.target.blur();
      return;
    }
    if (!("shortcuts" in document.body.dataset) || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target) || document.querySelector("dialog[open]")) return;
    const key = letter(event);
    const second = event.timeStamp - gone < 1500 && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    gone = 0;
    if (second) second.click();
    else if (key === "g") gone = event.timeStamp;
    else if (key === "/") search();
    else if (key === "?") help(document.querySelector("a[data-keys]"));
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
    const keys = event.target.closest("a[data-keys]");
    if (keys && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      help(keys);
    }
    const close = event.target.closest("[data-close]");
    if (close) close.closest("dialog")?.close();
  });
}
