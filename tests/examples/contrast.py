"""How well the page's texts and controls stand out, by the formula of WCAG 2.1, from what the browser computes for them."""

from __future__ import annotations

from playwright.sync_api import Page

MEASURE = """() => {
  const CONTROLS = "button, [data-testid=stTextInputRootElement], [data-testid=stTextAreaRootElement]"
    + ", [data-testid=stNumberInputContainer], [data-testid=stSelectbox] [role=group], [data-testid=stChatInput] > div"
    + ", [data-testid=stFileUploaderDropzone], [data-testid=stCheckbox] label > span:first-child + *";
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (colour) => {  // any CSS colour as red, green, blue of 0 to 1, and its opacity
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red / 255, green / 255, blue / 255, alpha / 255];
  };
  const over = (top, below, alpha) => [0, 1, 2].map((k) => top[k] * alpha + below[k] * (1 - alpha));
  const light = (colour) => {
    const [red, green, blue] = colour.map((part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * red + .7152 * green + .0722 * blue;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  };
  const line = (each) => each ? [...line(each.parentElement), each] : [];  // from the root to an element
  const covers = (one, x, y) => {
    const place = one.getBoundingClientRect();
    return place.left <= x && x <= place.right && place.top <= y && y <= place.bottom;
  };
  const middle = (each) => {
    const place = each.getBoundingClientRect();
    return [(place.left + place.right) / 2, (place.top + place.bottom) / 2];
  };
  const behind = (each, [x, y] = middle(each)) => line(each).reduce(({ colour, opacity }, one) => {
    if (!covers(one, x, y)) return { colour, opacity };  // such as the number above a slider
    const style = getComputedStyle(one), own = read(style.backgroundColor);
    opacity *= parseFloat(style.opacity);
    return { colour: over(own, colour, own[3] * opacity), opacity };
  }, { colour: read(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor), opacity: 1 });
  const stands = (each, own) => {
    const { colour: below, opacity } = behind(each);
    return ratio(over(own, below, own[3] * opacity), below);
  };
  const seen = (each) => {
    const place = each.getBoundingClientRect();
    const isShown = place.width > 2 && place.height > 2 && each.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    return isShown && line(each).every((one) => one.offsetWidth !== 1);  // not for screen readers alone
  };
  const found = new Map();
  const note = (what, each, least, value, colour) => {
    if (value < least) {
      const key = `${what} ${(each.innerText || each.placeholder || each.getAttribute("aria-label") || "").trim().slice(0, 40)}`;
      const rest = each.closest("[data-testid]")?.dataset.testid;
      found.set(`${key} (${each.tagName.toLowerCase()} in ${rest}, ${colour})`, value.toFixed(2));
    }
  };
  for (const each of document.querySelectorAll("body *")) {
    if (!seen(each) || each.closest(":disabled, [aria-disabled=true], [data-stale=true], .unseen, iframe")) continue;
    const style = getComputedStyle(each), size = parseFloat(style.fontSize);
    const isLarge = each.matches('[data-testid=stIconMaterial]') || size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const says = [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (says || (each.matches("input:not([type=checkbox]), textarea") && each.value))
      note("text", each, isLarge ? 3 : 4.5, stands(each, read(style.color)), style.color);
    if (each.matches("input, textarea") && each.placeholder && !each.value) {
      const hint = getComputedStyle(each, "::placeholder"), own = read(hint.color);
      own[3] *= parseFloat(hint.opacity);
      note("hint", each, 4.5, stands(each, own), hint.color);
    }
    const lines = [style.borderTopColor, style.outlineColor].map(read);
    const widths = [style.borderTopWidth, style.outlineStyle === "none" ? 0 : style.outlineWidth].map(parseFloat);
    const drawn = lines.filter((own, k) => widths[k] > 0 && own[3] > 0);
    if (each.matches(CONTROLS) && (drawn.length || !each.matches("button"))) {
      const outside = behind(each.parentElement, middle(each)), fill = [behind(each).colour];
      const colours = [...fill, ...drawn.map((own) => over(own, outside.colour, own[3] * outside.opacity * parseFloat(style.opacity)))];
      note("control", each, 3, Math.max(...colours.map((colour) => ratio(colour, outside.colour))), style.borderTopColor);
    }
  }
  return [...found].map(([what, value]) => `${value}: ${what}`);
}"""
"""Everything on the page that stands out less than it must: 4.5 for text, 3 for large text, icons and the edges of controls."""


def faint(page: Page) -> list[str]:
    """What is harder to see than it may be, each with its contrast."""
    found: list[str] = page.evaluate(MEASURE)
    return found
