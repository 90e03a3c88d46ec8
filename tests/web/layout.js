// What is wrong with the layout of what is visible now: a list of sentences.

() => {
  const problems = [];
  const shown = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const name = (node) => `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ''}.${node.className} “${(node.textContent || node.value || '').trim().slice(0, 40)}”`;
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) problems.push(`scrolls sideways by ${wide} px`);

  // Text that somebody reads: elements with text of their own, and fields.
  const own = (node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
  const texts = [...document.querySelectorAll('body *')].filter((node) => shown(node)
    && getComputedStyle(node).clipPath === 'none'
    && !node.closest('.unseen, .skip, svg, iframe, datalist, option, .segments input') && (own(node) || node.matches('input, select, textarea, .button')));

  for (const node of texts) {
    const { overflowX, textOverflow } = getComputedStyle(node);
    if (node.matches('input, textarea, select')) continue;
    const cut = node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0;
    const told = textOverflow === 'ellipsis' && (node.title || node.closest('summary, [title], option'));
    if (cut && overflowX !== 'visible' && !told && !node.matches('pre')) problems.push(`cut: ${name(node)}`);
    if (cut && overflowX === 'visible' && getComputedStyle(node).display !== 'inline') problems.push(`runs over: ${name(node)}`);
    const box = node.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) problems.push(`outside the window: ${name(node)}`);
    if (box.height < 1 || box.width < 1) problems.push(`has no room: ${name(node)}`);
  }

  // Boxes of text that lie on one another, though neither holds the other.
  const visible = (node, rect) => {
    let { left, right, top, bottom } = rect;
    for (let around = node; around && around !== document.body; around = around.parentElement) {
      if (getComputedStyle(around).overflowX === 'visible') continue;
      const clip = around.getBoundingClientRect();
      [left, right] = [Math.max(left, clip.left), Math.min(right, clip.right)];
      [top, bottom] = [Math.max(top, clip.top), Math.min(bottom, clip.bottom)];
    }
    return { left, right, top, bottom, width: right - left, height: bottom - top };
  };
  const boxes = texts.filter((node) => getComputedStyle(node).position !== 'absolute' && !node.closest('.sendbar, dialog'))
    .flatMap((node) => {
      const rects = node.matches('input, select, textarea, .button') ? [node.getBoundingClientRect()]
        : [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).flatMap((child) => {
          const range = document.createRange();
          range.selectNodeContents(child);
          return [...range.getClientRects()];
        });
      return rects.map((rect) => ({ node, rect: visible(node, rect) }));
    }).filter(({ rect }) => rect.width > 1 && rect.height > 1);
  for (const [at, one] of boxes.entries()) {
    for (const two of boxes.slice(at + 1)) {
      if (one.node === two.node || one.node.contains(two.node) || two.node.contains(one.node)) continue;
      const across = Math.min(one.rect.right, two.rect.right) - Math.max(one.rect.left, two.rect.left);
      const down = Math.min(one.rect.bottom, two.rect.bottom) - Math.max(one.rect.top, two.rect.top);
      if (across > 2 && down > 4) problems.push(`overlap: ${name(one.node)} and ${name(two.node)}`);
    }
  }
  return [...new Set(problems)].slice(0, 8);
}
