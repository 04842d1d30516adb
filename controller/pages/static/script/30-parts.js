// Puts parts of a page into their places behind its first byte, and small lines into theirs; each place keeps its size.
{
  const get = (path, accept) => fetch(path, { headers: { "X-Part": "1", Accept: accept } });

  const put = async (place, path) => {
    place.dataset.part = path;
    place.setAttribute("aria-busy", "true");
    try {
      const reply = await get(path, "text/html");
      const text = await reply.text();
      if (reply.headers.has("X-Part") && place.dataset.part === path) {
        const chosen = place.contains(document.activeElement) && document.activeElement.textContent;
        place.innerHTML = text;
        if (chosen) [...place.querySelectorAll("a")].find((link) => link.textContent === chosen)?.focus();
        place.dispatchEvent(new Event("part", { bubbles: true }));
      }
    } catch (error) {
      console.warn(path, error);
    }
    place.removeAttribute("aria-busy");
  };

  const draw = async (place) => {
    try {
      const reply = await get(place.dataset.sparklines, "application/json");
      const { paths, texts } = reply.ok && !reply.redirected ? await reply.json() : { paths: {}, texts: {} };
      for (const drawing of place.querySelectorAll("[data-sparkline]")) {
        const text = texts[drawing.dataset.sparkline];
        drawing.firstElementChild.setAttribute("d", paths[drawing.dataset.sparkline] ?? "");
        drawing.setAttribute("aria-hidden", text ? "false" : "true");
        if (text) drawing.setAttribute("aria-label", text);
      }
    } catch (error) {
      console.warn(error);
    }
    place.dataset.drawn = "";
  };

  const every = (place, seconds, act) => {
    if (!("partLater" in place.dataset)) act();
    const quiet = () => document.hidden || place.matches(":focus-within, :hover");
    if (seconds) setInterval(() => quiet() || act(), seconds * 1000);
  };

  for (const place of document.querySelectorAll("[data-part]")) {
    every(place, place.dataset.partEvery, () => put(place, place.dataset.part));
  }
  for (const place of document.querySelectorAll("[data-sparklines]")) every(place, 60, () => draw(place));

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-part-link]");
    const place = link?.closest("[data-part]");
    if (!place || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    put(place, link.getAttribute("href"));
  });
}
