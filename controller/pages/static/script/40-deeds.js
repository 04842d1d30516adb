{
  // A deed is confirmed in a dialogue: the same page, fetched without its frame. Whatever does not come back as such a part
  // (a session that has ended, an error) is gone to as a page.
  const asPart = { "X-Requested-With": "dialogue" };
  let dialogue = null;
  let opener = null;

  const close = () => {
    dialogue?.close();
  };

  const put = (html) => {
    if (!dialogue) {
      dialogue = document.createElement("dialog");
      dialogue.className = "deed-dialogue";
      dialogue.setAttribute("aria-labelledby", "deed-title");
      dialogue.addEventListener("close", () => {
        dialogue.remove();
        dialogue = null;
        opener?.focus();
      });
      document.body.append(dialogue);
    }
    dialogue.innerHTML = html;
    if (!dialogue.open) dialogue.showModal();
    const first = dialogue.querySelector(".mistakes, .notice.alarm:not([hidden])") ?? dialogue.querySelector("[autofocus]");
    if (first && !first.matches("input, a, button")) first.tabIndex = -1;
    first?.focus();
    dialogue.scrollTop = 0;
  };

  const ask = async (address, options, otherwise) => {
    let answer;
    try {
      answer = await fetch(address, { ...options, headers: { ...asPart } });
      if (answer.status === 201) return location.assign(answer.headers.get("Location"));
      if (answer.headers.get("X-Part") === "deed") return put(await answer.text());
    } catch {
      return otherwise();
    }
    return answer.redirected || options.method === "GET" ? location.assign(answer.redirected ? answer.url : address) : otherwise();
  };

  const busy = (button, words) => {
    if (!button) return () => {};
    const before = button.innerHTML;
    button.style.minWidth = `${button.offsetWidth}px`;
    button.textContent = words;
    button.setAttribute("aria-busy", "true");
    return () => {
      button.innerHTML = before;
      button.removeAttribute("aria-busy");
    };
  };

  const filled = (form, by) => new URLSearchParams(new FormData(form, by?.name ? by : undefined));

  const send = (form, by) => {
    const free = busy(form.querySelector("button[type=submit]"), document.body.dataset.sending);
    if (form.method === "get") return ask(`${form.getAttribute("action")}?${filled(form, by)}`, { method: "GET" }, () => form.submit());
    return ask(form.getAttribute("action"), { method: "POST", body: filled(form, by) }, () => {
      free();
      form.querySelector("[data-away]").hidden = false;
    });
  };

  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!plain || event.defaultPrevented) return;
    const link = event.target.closest("a[data-deed]");
    if (link) {
      event.preventDefault();
      opener = link.closest("details.menu")?.querySelector("summary") ?? link;
      link.closest("details.menu")?.removeAttribute("open");
      ask(link.href, { method: "GET" }, () => location.assign(link.href));
    } else if (dialogue && event.target.closest("[data-keep]")) {
      event.preventDefault();
      close();
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const by = event.submitter;
    if (event.defaultPrevented) return;
    if (form.matches("dialog .deed")) {
      event.preventDefault();
      send(form, by);
    } else if (form.matches("[data-deed]") || by?.matches("[data-deed]")) {
      event.preventDefault();
      opener = by ?? form;
      const address = by?.getAttribute("formaction") ?? form.getAttribute("action");
      const post = (by?.getAttribute("formmethod") ?? form.method) === "post";
      const go = () => {
        if (by) by.removeAttribute("data-deed");
        form.removeAttribute("data-deed");
        form.requestSubmit(by);
      };
      if (post) ask(address, { method: "POST", body: filled(form, by) }, go);
      else ask(`${address}?${filled(form, by)}`, { method: "GET" }, go);
    }
  });

  // In a field one writes; what is written is sent by the button alone.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".deed input")) event.preventDefault();
  });

  document.addEventListener("input", (event) => {
    if (event.target.id === "deed-until") event.target.form.elements.ends.value = "at";
  });
}
