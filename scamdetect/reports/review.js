"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const items = data.items;
  const names = { scam: "scam", spam: "spam", legit: "honest", unsure: "unsure" };
  const kinds = new Map(data.kinds);
  const letters = data.kinds.map((_, place) => String.fromCharCode(97 + place)); // a to r
  const storageKey = `scamdetect review ${data.id}`;

  let answers = new Map(); // by the place of the item: { label, kinds }
  let at = 0;
  let asking = true; // for the kinds of a scam
  let unsaved = false;
  const changes = []; // the place of each changed item, with its answer before
  const revealed = new Set();

  // The storage of the browser keeps answers over a crash; some browsers have none.

  function keep() {
    try {
      localStorage.setItem(storageKey, JSON.stringify({ at, asking, answers: [...answers] }));
      find("not-kept").hidden = true;
    } catch {
      find("not-kept").hidden = false;
    }
  }

  function restore() {
    try {
      const state = JSON.parse(localStorage.getItem(storageKey)) ?? {};
      const valid = (state.answers ?? []).filter(
        ([place, answer]) => items[place] && Object.hasOwn(names, answer.label),
      );
      answers = new Map(
        valid.map(([place, { label, kinds: some }]) => [
          place,
          { label, kinds: [...kinds.keys()].filter((kind) => some.includes(kind)) },
        ]),
      );
      asking = state.asking ?? true;
      at = items[state.at] ? state.at : 0;
    } catch {
      answers = new Map();
    }
  }

  function change(place, answer) {
    changes.push([place, answers.get(place)]);
    set(place, answer);
  }

  function set(place, answer) {
    if (answer) answers.set(place, answer);
    else answers.delete(place);
    unsaved = true;
    keep();
  }

  function label(name) {
    const before = answers.get(at);
    const pausing = name === "scam" && asking && before?.label !== "scam";
    if (before?.label !== name) change(at, { label: name, kinds: [] });
    if (pausing) render();
    else next();
  }

  function toggle(kind) {
    const before = answers.get(at);
    if (before?.label !== "scam") return;
    const chosen = [...kinds.keys()].filter((one) => before.kinds.includes(one) !== (one === kind));
    change(at, { label: "scam", kinds: chosen });
    render();
  }

  function undo() {
    const last = changes.pop();
    if (!last) return;
    set(...last);
    go(last[0]);
  }

  function next() {
    const rest = items.map((_, step) => (at + 1 + step) % items.length);
    go(rest.find((place) => !answers.has(place)) ?? at);
  }

  function go(place) {
    if (!items[place]) return;
    const moved = place !== at;
    at = place;
    keep();
    render();
    if (moved) {
      find("message").scrollTop = 0;
      find("title").focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }

  function reveal() {
    revealed.add(at);
    render();
  }

  // The lines come from Python, quoted and safe for spreadsheets; answers are words of a fixed list.

  function csv() {
    const lines = items.map(({ before, after }, place) => {
      const answer = answers.get(place) ?? { label: "", kinds: [] };
      return `${before}${answer.label},${answer.kinds.join(";")}${after}`;
    });
    return `\ufeff${[data.header, ...lines].join("\r\n")}\r\n`;
  }

  function save() {
    const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    const link = Object.assign(document.createElement("a"), { href: address, download: data.file });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    unsaved = false;
    find("progress").textContent = `${progress()}. The browser saves ${data.file}.`;
  }

  function restart() {
    if (!answers.size || !confirm("Delete all answers? Undo brings them back one by one.")) return;
    for (const place of [...answers.keys()]) change(place, undefined);
    go(0);
    render();
  }

  function progress() {
    const scams = [...answers.values()].filter((answer) => answer.label === "scam").length;
    const done = answers.size === items.length ? ". All are answered: save the CSV" : "";
    return `${answers.size} of ${items.length} answered, ${scams} ${scams === 1 ? "scam" : "scams"}${done}`;
  }

  // All text goes in as text, never as HTML.

  function element(name, text, properties = {}) {
    return Object.assign(document.createElement(name), { textContent: text }, properties);
  }

  function terms(list, pairs) {
    list.replaceChildren(...pairs.flatMap(([term, value]) => [element("dt", term), element("dd", value)]));
  }

  function piece([text, strength, cues], shown) {
    if (!shown || !(strength || cues)) return document.createTextNode(text);
    const classes = [strength ? `s${strength}` : "", cues ? "cue" : ""].join(" ").trim();
    return element("mark", text, { className: classes, title: cues });
  }

  function render() {
    const item = items[at];
    const answer = answers.get(at);
    const shown = !item.hidden || revealed.has(at);
    const what = item.messages === null ? "Message" : "Campaign";
    find("title").textContent = `${what} ${at + 1} of ${items.length}`;
    const named = answer?.kinds.length ? ` (${answer.kinds.map((kind) => kinds.get(kind)).join(", ")})` : "";
    find("answer").textContent = answer ? `Your answer: ${names[answer.label]}${named}` : "Not answered yet";

    find("campaign").hidden = item.messages === null;
    find("campaign").textContent =
      `Your answer counts for all ${item.messages?.toLocaleString("en")} messages of this campaign.`;
    find("others").hidden = !item.examples.length;
    find("examples").replaceChildren(
      ...item.examples.map((text) => element("blockquote", text, { className: "one", dir: "auto", lang: item.lang })),
    );
    find("message").lang = item.lang;
    find("message").replaceChildren(...item.pieces.map((one) => piece(one, shown)));
    find("more").hidden = !item.more;
    find("more").textContent = `${item.more.toLocaleString("en")} more characters are in the CSV.`;
    terms(find("facts"), item.facts);

    find("reveal").hidden = shown;
    find("model").hidden = !shown;
    terms(find("model-facts"), shown ? item.model : []);
    const marked = item.pieces.some(([, strength]) => strength);
    find("legend").textContent = marked
      ? "Red: without this part the scam probability falls most. Dotted: a cue."
      : "Dotted: a cue. No part is marked as raising the scam probability.";
    const cues = shown ? item.cues : [];
    find("cues").replaceChildren(
      ...(cues.length
        ? cues.map(([name, quote]) => {
            const line = element("li", `${name}: `);
            line.append(element("q", quote, { dir: "auto" }));
            return line;
          })
        : [element("li", "none found")]),
    );

    for (const button of find("labels").children) {
      button.setAttribute("aria-pressed", String(answer?.label === button.dataset.label));
    }
    find("kinds").hidden = !(answer?.label === "scam" && asking);
    for (const button of find("kind-buttons").children) {
      button.setAttribute("aria-pressed", String(Boolean(answer?.kinds.includes(button.dataset.kind))));
    }
    find("back").disabled = at === 0;
    find("forward").disabled = at === items.length - 1;
    find("undo").disabled = !changes.length;
    find("bar").value = answers.size;
    find("progress").textContent = progress();
    if (find("as-text").open) find("csv").value = csv();
  }

  const actions = {
    enter: next,
    arrowleft: () => go(at - 1),
    arrowright: () => go(at + 1),
    u: undo,
    backspace: undo,
    s: save,
    v: reveal,
    x: () => {
      asking = !asking;
      keep();
      render();
    },
    "?": () => find("keys").showModal(),
  };

  function act(event) {
    const { target, code } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || find("keys").open) return;
    if (target.closest("textarea")) return;
    let key = event.key.toLowerCase();
    // Enter presses a button that has the focus, but a kind was chosen already.
    if (key === "enter" && target.closest("button, summary") && !target.dataset.kind) return;
    // On keyboards of other scripts or with shifted digits the place of the key counts.
    const placed = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code ?? "")?.[1].toLowerCase();
    if (placed && !/^[a-z0-9?]$/.test(key)) key = placed;
    const name = ["scam", "spam", "legit", "unsure"]["1234".indexOf(key)];
    const kind = data.kinds[letters.indexOf(key)];
    if (name) label(name);
    else if (kind) toggle(kind[0]);
    else if (Object.hasOwn(actions, key)) actions[key]();
    else return;
    event.preventDefault();
  }

  find("kind-buttons").append(
    ...data.kinds.map(([kind, name], place) => {
      const button = element("button", ` ${name}`, { type: "button", onclick: () => toggle(kind) });
      button.dataset.kind = kind;
      button.prepend(element("kbd", letters[place].toUpperCase()));
      return button;
    }),
  );
  for (const button of find("labels").children) button.onclick = () => label(button.dataset.label);
  for (const [id, key] of [["back", "arrowleft"], ["forward", "arrowright"], ["undo", "u"], ["save", "s"]]) {
    find(id).onclick = actions[key];
  }
  find("help").onclick = actions["?"];
  find("reveal").onclick = reveal;
  find("restart").onclick = restart;
  find("as-text").ontoggle = render;
  addEventListener("keydown", act);
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault(); // a private window forgets what it kept
  });
  restore();
  keep();
  render();
})();
