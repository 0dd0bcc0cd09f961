// What is wrong with a page for those who use it with a keyboard, a screen reader, or weak eyes: [problem].
(() => {
  const problems = [];
  const all = [...document.querySelectorAll('body *')];
  const where = element => element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') +
    (element.className && element.className.trim ? '.' + element.className.trim().replace(/\s+/g, '.') : '') + ' "' + element.textContent.trim().slice(0, 30) + '"';
  const tell = (element, what) => problems.push(where(element) + ': ' + what);
  const shown = element => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const forEyesOnly = element => element.closest('[aria-hidden="true"]') !== null;

  // names
  const text = element => element.textContent.replace(/\s+/g, ' ').trim();
  const nameOf = element => element.getAttribute('aria-label')?.trim() ||
    (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean).map(id => document.getElementById(id)).map(one => one ? text(one) : '').join(' ').trim() ||
    [...(element.labels || [])].map(text).join(' ').trim() || (['BUTTON', 'A', 'SUMMARY'].includes(element.tagName) ? text(element) : '') || element.getAttribute('alt') || '';
  const controls = all.filter(one => one.matches('a[href], button, input, select, textarea, summary, [tabindex], dialog, section, [role="group"], [role="region"]'));
  for (const one of controls) if (!nameOf(one) && !one.matches('dialog:not([open])')) tell(one, 'has no name');
  for (const one of all.filter(one => one.matches('img, svg, canvas'))) if (!nameOf(one) && !forEyesOnly(one)) tell(one, 'a picture without words');
  for (const one of all) for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'headers'])
    for (const id of (one.getAttribute(attribute) || '').split(/\s+/).filter(Boolean)) if (!document.getElementById(id)) tell(one, attribute + ' names nobody: ' + id);
  const ids = new Set();
  for (const one of all) if (one.id && ids.size === ids.add(one.id).size) tell(one, 'its id is there twice');

  // structure
  if (!document.documentElement.lang) problems.push('the page has no language');
  if (!document.title.trim()) problems.push('the page has no title');
  for (const [what, count] of [['main', 1], ['header', 1], ['h1', 1]])
    if (document.querySelectorAll(what).length !== count) problems.push('there is not one ' + what);
  let level = 0;
  for (const one of all.filter(one => /^H[1-6]$/.test(one.tagName) && shown(one))) {
    if (Number(one.tagName[1]) > level + 1) tell(one, 'a heading whose level is skipped');
    level = Number(one.tagName[1]);
  }
  const landmarks = [...document.querySelectorAll('section[aria-labelledby], [role="search"], nav')].map(one => one.tagName + nameOf(one));
  if (new Set(landmarks).size !== landmarks.length) problems.push('two landmarks have one name: ' + landmarks);
  for (const table of document.querySelectorAll('table')) {
    if (!nameOf(table) && !table.caption?.textContent.trim()) tell(table, 'a table without a name');
    for (const cell of table.querySelectorAll('th')) if (!['col', 'row'].includes(cell.scope)) tell(cell, 'a heading cell of nothing');
    for (const cell of table.querySelectorAll('thead th')) if (!text(cell)) tell(cell, 'a column without a name');
  }
  for (const list of document.querySelectorAll('ul, ol')) for (const child of list.children) if (child.tagName !== 'LI') tell(child, 'is no item of its list');

  // keyboard
  for (const one of all) if (Number(one.getAttribute('tabindex')) > 0) tell(one, 'jumps the queue (tabindex)');
  for (const one of all.filter(one => one.onclick || one.getAttribute('onclick'))) if (!one.matches('a[href], button, input')) tell(one, 'only a mouse reaches it');
  for (const one of all.filter(one => one.matches('[aria-hidden="true"] :is(a[href], button, input, select, [tabindex="0"])'))) tell(one, 'can be focused, but is hidden');
  for (const one of all.filter(one => shown(one) && /auto|scroll/.test(getComputedStyle(one).overflowY + getComputedStyle(one).overflowX)))
    if (one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
      if (one.tabIndex < 0 && !one.querySelector('a[href], button, input, select, [tabindex="0"]')) tell(one, 'scrolls with a mouse alone');
  for (const one of all.filter(one => one.matches('a[href], button, input, select') && shown(one) && !one.matches('.skip'))) {
    const box = one.getBoundingClientRect();
    if (box.height < 24 || box.width < 24) tell(one, 'is small to hit: ' + Math.round(box.width) + ' x ' + Math.round(box.height));
  }
  if (document.documentElement.scrollWidth > innerWidth) problems.push('the page is wider than its window: ' + document.documentElement.scrollWidth);

  // contrast
  const number = colour => {
    const parts = colour.match(/^rgba?\(([^)]*)\)$/);
    if (!parts) throw new Error('a colour of another kind: ' + colour);
    const [r, g, b, a = 1] = parts[1].split(/[\s,/]+/).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => ({
    r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1 });
  const ground = element => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const colour = number(getComputedStyle(one).backgroundColor);
      if (colour.a > 0) layers.push(colour);
      if (colour.a === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = colour => {
    const part = value => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(colour.r) + 0.7152 * part(colour.g) + 0.0722 * part(colour.b);
  };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const check = (element, colour, below, least, what) => {
    const found = contrast(over(number(colour), below), below);
    if (found < least) tell(element, what + ': contrast ' + found.toFixed(2));
  };
  for (const one of all) {
    if (!shown(one) || getComputedStyle(one).clipPath !== 'none') continue;
    if ([...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) check(one, getComputedStyle(one).color, ground(one), 4.5, 'text');
    if (one.matches('input[placeholder]')) check(one, getComputedStyle(one, '::placeholder').color, ground(one), 4.5, 'placeholder');
    if (one.matches('input')) check(one, getComputedStyle(one).borderTopColor, ground(one.parentElement), 3, 'border');
    if (one.matches('.mark, .swatch, .part, .used, .high') && one.getBoundingClientRect().width > 0) {
      const style = getComputedStyle(one);
      check(one, number(style.backgroundColor).a > 0 ? style.backgroundColor : style.borderTopColor, ground(one.parentElement), 3, 'mark');
    }
  }
  return problems;
})()
