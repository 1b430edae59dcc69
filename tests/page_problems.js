// What a page gets wrong for its readers, of every frame of this document. Details are opened first.
const SLACK = 1; // pixels, of rounding
const visible = one => {
  if (!one.checkVisibility({ checkVisibilityCSS: true })) return false;
  const style = one.ownerDocument.defaultView.getComputedStyle(one);
  return style.clipPath !== "inset(50%)"; // for screen readers only
};
const named = one =>
  one.getAttribute("aria-label")?.trim() || one.getAttribute("aria-labelledby") ||
  one.getAttribute("aria-hidden") === "true" || one.closest("[aria-hidden=true]");
const colour = text => {
  const parts = text.match(/[\d.]+(?:e-?\d+)?/g).map(Number);
  const scale = text.startsWith("color(") ? 255 : 1;
  return [...parts.slice(0, 3).map(part => part * scale), parts[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const luminance = rgb => {
  const [r, g, b] = rgb.slice(0, 3).map(part => {
    const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const background = (one, styleOf) => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) layers.push(colour(styleOf(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const opacity = (one, styleOf) => {
  let all = 1;
  for (let at = one; at; at = at.parentElement) all *= Number(styleOf(at).opacity);
  return all;
};
const scrolls = (one, styleOf) => {
  for (let at = one; at; at = at.parentElement) if (/auto|scroll/.test(styleOf(at).overflowX)) return true;
  return false;
};
const ownText = one =>
  [...one.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join("").trim();
const where = one => {
  const name = one.className?.baseVal ?? one.className;
  return `<${one.localName}${name ? `.${name.trim().replaceAll(/\s+/g, ".")}` : ""}> ` +
    `"${one.textContent.trim().slice(0, 30)}"`;
};

function problems(page) {
  const found = [];
  const window_ = page.defaultView, root = page.documentElement;
  const styleOf = one => window_.getComputedStyle(one);
  const width = root.clientWidth;
  page.querySelectorAll("details").forEach(one => { one.open = true; });
  if (root.scrollWidth > width) found.push(`the page is ${root.scrollWidth} wide`);
  for (const one of page.body.querySelectorAll("*")) {
    if (!visible(one)) continue;
    const style = styleOf(one);
    const text = one.matches("script, style, title") ? "" : ownText(one);
    if (one.scrollWidth > one.clientWidth + SLACK && style.display !== "inline") {
      if (/hidden|clip/.test(style.overflowX)) found.push(`clipped: ${where(one)}`);
      if (/auto|scroll/.test(style.overflowX) && !(one.tabIndex === 0 && named(one)))
        found.push(`scrolls without a name or a key: ${where(one)}`);
      // Only the tables of sections, with a column a figure, are too many columns for a phone.
      if (/auto|scroll/.test(style.overflowX) && one.querySelector("table") && !one.matches(".cells"))
        found.push(`a table scrolls: ${where(one)}`);
    }
    if (one.scrollHeight > one.clientHeight + SLACK && /hidden|clip/.test(style.overflowY) && one.textContent.trim())
      found.push(`clipped below: ${where(one)}`);
    if (one.localName === "img" && !one.getAttribute("alt")?.trim()) found.push(`no alt text: ${where(one)}`);
    if (one.localName === "svg" && !named(one) && !one.querySelector(":scope > title"))
      found.push(`no name: ${where(one)}`);
    if (one.getAttribute("role") === "img" && !named(one)) found.push(`no name: ${where(one)}`);
    if (one.matches("a, button, input, select, textarea") && !one.textContent.trim() && !named(one) && !one.labels?.length)
      found.push(`no name: ${where(one)}`);
    if (!text) continue;
    const range = page.createRange();
    range.selectNodeContents(one);
    const box = range.getBoundingClientRect();
    if (!scrolls(one, styleOf) && (box.left < -SLACK || box.right > width + SLACK))
      found.push(`sticks out: ${where(one)}`);
    const below = background(one, styleOf);
    const ink = colour(one.closest("svg") ? style.fill : style.color);
    ink[3] *= opacity(one, styleOf);
    const ratio = contrast(over(ink, below), below);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${where(one)}`);
  }
  return found;
}

onload = () => {
  const answer = [...document.querySelectorAll("iframe")].map(frame => ({
    page: frame.title,
    width: frame.clientWidth,
    dark: luminance(background(frame.contentDocument.body, one => frame.contentWindow.getComputedStyle(one))) < 0.2,
    found: problems(frame.contentDocument),
  }));
  document.body.textContent = JSON.stringify(answer);
};
