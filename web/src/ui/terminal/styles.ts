/**
 * xterm.js writes its colours and sizes into `<style>` elements and `style` attributes, which the content security
 * policy refuses. Constructed sheets and `cssText` are not inline styles, so what it writes is put there instead.
 */

let done = false;

/** Once, before the first terminal. Nothing else on this page makes style elements. */
export function allowTerminalStyles(): void {
  if (done) return;
  done = true;
  const create = document.createElement.bind(document);
  document.createElement = ((tag: string, options?: ElementCreationOptions) => {
    if (tag === "style") return mirror(create("span"));
    const element = create(tag, options);
    if (element instanceof HTMLElement) route(element);
    return element;
  }) as typeof document.createElement;
}

/** Stands in for a style element: even an empty one would be reported as refused. */
function mirror(element: HTMLElement): HTMLElement {
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  let text = "";
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (css: string) => {
      text = css;
      sheet.replaceSync(css);
    },
  });
  const remove = element.remove.bind(element);
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    remove();
  };
  return element;
}

function route(element: HTMLElement): void {
  const set = element.setAttribute.bind(element);
  element.setAttribute = (name: string, value: string) => {
    if (name === "style") element.style.cssText = value;
    else set(name, value);
  };
}
