/** What keyboards and axe find wrong in components of VitePress, and what stands there instead. */
const repairs = {
  // A dialog, with results that are links and options alike.
  'VPLocalSearchBox.vue': [
    [
      /role="button"\s+:aria-owns="[^"]*"\s+aria-expanded="true"\s+aria-haspopup="listbox"/,
      'role="dialog" aria-modal="true"',
    ],
    [/:id="('localsearch-item-' \+ index)"\s+:aria-selected="[^"]*"\s+role="option"/, 'role="presentation"'],
    [
      /:aria-label="\[\.\.\.p\.titles, p\.title\][^"]*"/,
      `role="option" :id="'localsearch-item-' + index" :aria-selected="selectedIndex === index ? 'true' : 'false'"`,
    ],
    [/<kbd :aria-label/g, '<kbd role="img" :aria-label'],
  ],
  // The name of a group that cannot be folded is no button.
  'VPSidebarItem.vue': [
    ["isLink.value ? undefined : 'button'", "isLink.value || props.item.collapsed == null ? undefined : 'button'"],
    [':tabindex="item.items && 0"', ':tabindex="item.items && item.collapsed != null ? 0 : undefined"'],
  ],
};

/** A plugin for Vite. */
export const repairComponents = {
  name: 'repair-components',
  enforce: 'pre',
  transform(code, id) {
    const changes = repairs[id.split('/').at(-1)];
    return changes?.reduce((text, [before, after]) => {
      const repaired = text.replace(before, after);
      if (repaired === text) throw new Error(`${id} has changed: ${before} is not in it`);
      return repaired;
    }, code);
  },
};
