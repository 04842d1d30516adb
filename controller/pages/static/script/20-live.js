// Brings the places of a page up to date: by the stream, or by asking where that breaks. All texts come from the server.
{
  const EVERY_MS = 10000, TRY_STREAM_AFTER = 6, TIMEOUT_MS = 8000, SILENT_MS = 40000, LOOK_MS = 4000;
  const page = document.body.dataset.livePage;
  const one = (selector) => document.querySelector(selector);
  const way = one("[data-way]"), pause = one("[data-pause]"), refresh = one("[data-refresh]"), says = one("[data-says]");
  const KINDS = [
    ["texts", "live", (place, text) => { if (place.textContent !== text) { place.textContent = text; say(place, text); } }],
    ["paths", "livePath", (place, d) => place.setAttribute("d", d)],
    ["states", "liveState", (place, word) => { place.dataset.state = word; }],
    ["hidden", "liveHidden", (place, hidden) => { place.hidden = hidden; }],
    ["ratios", "liveRatio", (place, ratio) => { place.value = ratio; }],
    ["links", "liveLink", (place, path) => place.setAttribute("href", path)],
  ];
  const asOf = way?.textContent;
  const attribute = (name) => `data-${name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`;
  let stream = null, timer = 0, asking = null, failures = 0, asked = 0, etag = "", due = 0;
  let paused = false, over = false;

  // What is said aloud: at once, or together when the last time is long enough ago.
  const waiting = new Map();
  let saidAt = -Infinity, sayer = 0;
  const speak = () => {
    sayer = 0;
    saidAt = performance.now();
    says.textContent = [...waiting.values()].join(" ");
    waiting.clear();
  };
  const say = (place, text) => {
    if (place.dataset.said === undefined || !text || !says) return;
    waiting.set(place.dataset.live, text);
    const wait = Math.max(0, saidAt + place.dataset.said * 1000 - performance.now());
    if (wait === 0) { clearTimeout(sayer); speak(); }
    else if (!sayer) sayer = setTimeout(speak, wait);
  };

  const put = (state) => {
    for (const [kind, name, set] of KINDS) {
      const changed = state[kind];
      if (!changed) continue;
      for (const place of document.querySelectorAll(`[${attribute(name)}]`)) {
        const key = place.dataset[name];
        if (Object.hasOwn(changed, key)) set(place, changed[key]);
      }
    }
    document.dispatchEvent(new CustomEvent("live", { detail: state }));
  };

  const show = (name) => {
    document.body.dataset.liveWay = name;
    if (way) way.textContent = name ? way.dataset[`${name}Way`] : asOf;
    if (refresh) refresh.hidden = name !== "lost";
  };
  const stop = () => {
    stream?.close();
    asking?.abort();
    clearTimeout(timer);
    stream = asking = null;
  };
  const end = (selector) => {
    over = true;
    stop();
    show("lost");
    if (pause) pause.hidden = true;
    one(selector).hidden = false;
  };

  const heard = (within) => { due = Date.now() + within; };
  const listen = () => {
    stop();
    etag = "";
    heard(TIMEOUT_MS);
    stream = new EventSource(`/live?page=${encodeURIComponent(page)}`);
    stream.addEventListener("places", (event) => {
      failures = 0;
      heard(SILENT_MS);
      show("live");
      put(JSON.parse(event.data));
    });
    stream.addEventListener("alive", () => heard(SILENT_MS));
    stream.addEventListener("gone", () => end("[data-gone]"));
    stream.addEventListener("session-ended", () => end("[data-ended]"));
    stream.addEventListener("error", () => {
      failures += 1;
      if (failures >= 2 || stream.readyState === EventSource.CLOSED) { stop(); asked = 0; ask(); }
    });
  };

  const ask = async () => {
    const mine = asking = new AbortController();
    const late = setTimeout(() => mine.abort(), TIMEOUT_MS);
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await fetch(`/live/now?page=${encodeURIComponent(page)}`, { headers, redirect: "manual", cache: "no-store", signal: mine.signal });
      if (mine !== asking) return;
      if (answer.type === "opaqueredirect") return end("[data-ended]");
      if (answer.status === 404) return end("[data-gone]");
      if (answer.status === 200) { put(await answer.json()); etag = answer.headers.get("ETag") || ""; }
      show(answer.ok || answer.status === 304 ? "polling" : "lost");
    } catch {
      if (mine !== asking) return;
      show("lost");
    } finally {
      clearTimeout(late);
    }
    asked += 1;
    timer = setTimeout(asked % TRY_STREAM_AFTER ? ask : listen, EVERY_MS);
  };

  const go = () => {
    if (over || paused || document.hidden) return stop();
    failures = 0;
    show("");
    listen();
  };
  if (page) {
    document.addEventListener("visibilitychange", go);
    addEventListener("pagehide", stop);
    addEventListener("pageshow", (event) => { if (event.persisted) go(); });
    if (pause) {
      const words = [pause.textContent, pause.dataset.resume];
      pause.hidden = false;
      pause.addEventListener("click", () => {
        paused = !paused;
        pause.textContent = words[Number(paused)];
        if (paused) { stop(); show("paused"); } else go();
      });
    }
    // A line may die without a word, as while a computer sleeps: the server says something every 15 s.
    setInterval(() => {
      if (!stream || Date.now() < due) return;
      stop();
      asked = TRY_STREAM_AFTER - 1;
      ask();
    }, LOOK_MS);
    go();
  }
}
