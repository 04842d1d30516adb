// What is wrong with how a page looks, as a list of lines. Called as a function with what the picture was taken with.
(asked) => {
  const wrong = [];
  const say = (what, element, more = "") => {
    const named = element.closest("[id], [class], a, button, td, th") ?? element;
    const short = (element.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 60);
    const path = `${named.tagName.toLowerCase()}${named.id ? `#${named.id}` : ""}.${named.getAttribute("class") ?? ""}`;
    wrong.push(`${what}: ${path} “${short}” ${more}`.trim());
  };
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) {
    const widest = [...document.querySelectorAll("body *")]
      .filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1 && !scrolled(one));
    wrong.push(`the page is ${root.scrollWidth} px wide`);
    widest.slice(0, 3).forEach((one) => say("reaches beyond the window", one));
  }
  if (root.lang !== asked.language) wrong.push(`lang is ${root.lang}`);
  if (!document.title.replace("· Hashyard", "").trim()) wrong.push("no title");
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.fonts.status !== "loaded") wrong.push("fonts are still loading");
  for (const image of document.images) if (!image.complete || !image.naturalWidth) say("no image", image);
  for (const part of document.querySelectorAll("[data-part]")) {
    if (part.getAttribute("aria-busy") || part.querySelector(":scope > .chart-said > a")) say("a part has not come", part);
  }

  // Whether a box around it scrolls, so that it may be wider than what is seen of it.
  function scrolled(element) {
    for (let one = element; one; one = one.parentElement) {
      const { overflowX, position } = getComputedStyle(one);
      if (["auto", "scroll"].includes(overflowX) && one !== root && one !== document.body) return one;
      if (position === "fixed") return null;
    }
    return null;
  }
  // Only for whoever hears the page, or folded away.
  const unseen = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: false })) return true;
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.clipPath !== "none") return true;
      if (one.tagName === "DETAILS" && !one.open && !element.closest("summary")) return true;
      if (style.position === "absolute" && one.getBoundingClientRect().right < 0) return true;
    }
    return false;
  };
  const floats = (element) => {
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const { position } = getComputedStyle(one);
      if (["fixed", "sticky"].includes(position) || Element.prototype.matches.call(one, "dialog, .menu-items")) return true;
    }
    return false;
  };
  const block = (element) => {
    let one = element;
    while (getComputedStyle(one).display === "inline" || getComputedStyle(one).display === "contents") one = one.parentElement;
    return one;
  };

  const range = document.createRange();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const rows = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, option, textarea, title, datalist")) continue;
    if (unseen(element)) continue;
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 1 && rect.height > 1);
    if (!rects.length) continue;
    const inSvg = element.closest("svg");
    const own = inSvg ?? block(element);
    const floating = floats(element);
    rects.forEach((rect) => rows.push({ rect, element, own, floating, svg: !!inSvg }));
    const scroller = scrolled(element);

    // A word that is broken inside: names that strangers gave may be, words and figures may not.
    if (!inSvg && !element.closest("bdi, code, pre, .mono, output")) {
      for (const found of node.data.matchAll(/[^\s\u00ad\u200b\u2010-\u2015\u203a\/-]{2,}/g)) {
        if (/\.\w+:\d/.test(found[0])) continue; // a file and its line, as long as they are
        range.setStart(node, found.index);
        range.setEnd(node, found.index + found[0].length);
        const lines = new Set([...range.getClientRects()].filter((one) => one.width > 0.5).map((one) => Math.round(one.top)));
        if (lines.size > 1) { say(`broken inside “${found[0]}”`, element); break; }
      }
    }
    if (inSvg) {
      const box = (inSvg.closest(".chart-plot, .line, .runs-day, .days-box, .card, li, td, p") ?? inSvg).getBoundingClientRect();
      for (const rect of rects) {
        if (!scroller && (rect.left < box.left - 6 || rect.right > box.right + 6)) { say("text of a drawing leaves its box", element); break; }
      }
      continue;
    }
    // Out of its own box, or cut by one that hides what is too much.
    const box = own.getBoundingClientRect();
    const wide = rects.find((rect) => rect.right > box.right + 2 || rect.left < box.left - 2);
    if (wide && scroller !== own && getComputedStyle(own).textOverflow !== "ellipsis") say("text leaves its box", element, `${Math.round(wide.right - box.right)} px`);
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (["auto", "scroll"].includes(style.overflowX)) break;
      if (!["hidden", "clip"].includes(style.overflowX)) continue;
      const clip = one.getBoundingClientRect();
      if (rects.some((rect) => rect.right > clip.right + 2 || rect.bottom > clip.bottom + 3)) {
        if (style.textOverflow === "ellipsis" && (one.title || one.querySelector("[title]") || one.closest("[title]"))) break;
        say("text is cut", element);
        break;
      }
    }
    if (rects.some((rect) => rect.right > window.innerWidth + 1) && !scroller) say("text is beyond the window", element);
  }

  // Two texts upon each other. What floats over the page is meant to.
  rows.sort((one, two) => one.rect.top - two.rect.top);
  let told = 0;
  for (let at = 0; at < rows.length && told < 8; at += 1) {
    const first = rows[at];
    if (first.floating) continue;
    for (let next = at + 1; next < rows.length && rows[next].rect.top < first.rect.bottom - 3; next += 1) {
      const second = rows[next];
      if (second.floating || second.element === first.element) continue;
      const across = Math.min(first.rect.right, second.rect.right) - Math.max(first.rect.left, second.rect.left);
      const down = Math.min(first.rect.bottom, second.rect.bottom) - second.rect.top;
      // Lines of one paragraph may touch; letters have room above and below.
      if (across > 3 && down > 5 && (scrolled(first.element) === scrolled(second.element))) {
        say("text lies upon text", second.element, `and “${first.element.textContent.trim().slice(0, 40)}”`);
        told += 1;
        break;
      }
    }
  }

  // What takes the focus is to be seen then: nothing that sticks or is fixed may lie over all of it.
  if (asked.focus) {
    const before = [window.scrollX, window.scrollY];
    let hiddenOnes = 0;
    const takers = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
    for (const taker of takers) {
      if (unseen(taker) || taker.disabled || taker.tabIndex < 0) continue;
      taker.focus();
      if (document.activeElement !== taker) continue;
      // What is larger than the window is seen by that part of it which the window shows.
      const whole = taker.getBoundingClientRect();
      const left = Math.max(whole.left, 0), top = Math.max(whole.top, 0);
      const box = { left, top, width: Math.min(whole.right, innerWidth) - left, height: Math.min(whole.bottom, innerHeight) - top };
      const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]];
      const seen = points.some(([x, y]) => {
        const at = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
        return at && (taker.contains(at) || at.contains(taker) || taker.labels?.[0]?.contains(at));
      });
      if (!seen && (hiddenOnes += 1) < 5) say("is covered while it has the focus", taker);
    }
    document.activeElement?.blur();
    window.scrollTo(...before);
  }
  return wrong;
}
