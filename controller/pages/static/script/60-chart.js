// The cursor of a chart: by mouse, touch and arrow keys it tells the value of the nearest moment, in words made on the server.
{
  const prepare = (chart) => {
    const plot = chart.querySelector("[data-chart-plot]");
    const field = chart.querySelector("[data-chart-field]");
    const line = chart.querySelector("[data-chart-cursor]");
    const told = chart.querySelector("[data-chart-told]");
    const { x, texts } = JSON.parse(plot.querySelector("script").textContent);
    if (!x.length) return;
    let at = -1;

    const show = (index) => {
      at = Math.max(0, Math.min(x.length - 1, index));
      line.setAttribute("x1", `${x[at]}%`);
      line.setAttribute("x2", `${x[at]}%`);
      line.setAttribute("visibility", "visible");
      told.textContent = texts[at];
      plot.setAttribute("aria-valuenow", at);
      plot.setAttribute("aria-valuetext", texts[at]);
    };
    const hide = () => {
      line.setAttribute("visibility", "hidden");
      told.textContent = "";
      at = -1;
    };
    const nearest = (percent) => {
      let low = 0;
      let high = x.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (x[middle] < percent) low = middle;
        else high = middle;
      }
      return percent - x[low] < x[high] - percent ? low : high;
    };
    const follow = (event) => {
      const box = field.getBoundingClientRect();
      show(nearest(((event.clientX - box.left) / box.width) * 100));
    };

    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", plot.dataset.label);
    plot.setAttribute("aria-valuemin", 0);
    plot.setAttribute("aria-valuemax", x.length - 1);
    plot.setAttribute("aria-valuenow", x.length - 1);
    plot.setAttribute("aria-valuetext", texts[x.length - 1]);
    plot.addEventListener("pointermove", follow);
    plot.addEventListener("pointerdown", follow);
    plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") hide();
    });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const from = at < 0 ? x.length - 1 : at;
      const page = Math.ceil(x.length / 12);
      const to = {
        ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1,
        PageDown: from - page, PageUp: from + page, Home: 0, End: x.length - 1,
      }[event.key];
      if (event.key === "Escape" && at >= 0) hide();
      else if (to !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) show(to);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  };

  const all = (inside) => inside.querySelectorAll("[data-chart]").forEach(prepare);
  all(document);
  document.addEventListener("part", (event) => all(event.target));
}
