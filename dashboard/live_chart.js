// Hands new data to the chart that is there, so that it keeps its node and its zoom; recolours it for the theme.
// The library is asked for relative to the page, then one level up: a page address may end in a slash.
const get = (src) => new Promise((ok, bad) => {
  const s = document.createElement('script');
  s.src = src; s.onload = () => window.Plotly ? ok(window.Plotly) : bad(); s.onerror = bad;
  document.head.appendChild(s);
});
const load = (name) => window.__nexaPlotly ||= get('app/static/' + name)
  .catch(() => get('../app/static/' + name))
  .catch((e) => { window.__nexaPlotly = null; throw e; });
const recolour = (value, map) => {
  if (typeof value === 'string') return map[value.toLowerCase()] || value;
  if (Array.isArray(value)) return value.length > 64 ? value : value.map((v) => recolour(v, map));
  if (value && typeof value === 'object') {
    if (value.bdata) return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recolour(v, map)]));
  }
  return value;
};
export default function ({ data, parentElement }) {
  let el = parentElement.querySelector('.nx-chart');
  if (!el) {
    el = document.createElement('div');
    el.className = 'nx-chart';
    parentElement.appendChild(el);
  }
  el.style.minHeight = data.layout.height + 'px';
  el.setAttribute('role', 'img');
  el.setAttribute('aria-label', data.title);
  const dark = getComputedStyle(parentElement).colorScheme.includes('dark');
  const map = dark ? data.dark : {};
  const layout = recolour(data.layout, map);
  layout.font = { ...layout.font, family: getComputedStyle(parentElement).fontFamily };
  load(data.library).then(
    (P) => P.react(el, recolour(data.traces, map), layout, data.config),
    () => { el.textContent = 'The chart library could not be loaded: reload the page.'; },
  );
}
