"use strict";

// What scripts add to forms: passwords can be seen, mistakes take the focus, a button that was pressed says so, texts are copied.
{
  for (const shows of document.querySelectorAll("[data-shows]")) {
    const field = document.getElementById(shows.dataset.shows);
    const words = [shows.textContent, shows.dataset.hide];
    shows.hidden = false;
    shows.addEventListener("click", () => {
      const seen = field.type === "password";
      field.type = seen ? "text" : "password";
      shows.setAttribute("aria-pressed", String(seen));
      shows.textContent = words[Number(seen)];
      field.focus();
    });
  }

  document.querySelector("[data-takes-focus]")?.focus();

  for (const copies of document.querySelectorAll("[data-copies]")) {
    const from = document.getElementById(copies.dataset.copies);
    copies.hidden = !navigator.clipboard;
    copies.addEventListener("click", async () => {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      copies.textContent = copies.dataset.copied;
    });
  }

  for (const time of document.querySelectorAll("time[data-own-clock]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  }

  const rest = (button) => {
    button.removeAttribute("aria-busy");
    button.textContent = button.dataset.words;
    delete button.dataset.words;
  };
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target.method !== "post" || !button || !document.body.dataset.sending) return;
    if (button.getAttribute("aria-busy")) {
      event.preventDefault();
      return;
    }
    // After this turn, so that what the script of a page prevents is not shown as sent.
    setTimeout(() => {
      if (event.defaultPrevented) return;
      button.style.minWidth = `${button.offsetWidth}px`;
      button.dataset.words = button.textContent;
      button.setAttribute("aria-busy", "true");
      button.textContent = document.body.dataset.sending;
    });
  });
  // Whoever comes back finds the page as it was before.
  addEventListener("pageshow", () => document.querySelectorAll("button[data-words]").forEach(rest));
}
