import { useData } from 'vitepress';
import { computed } from 'vue';

/** In place of VitePress's own, which leads to the same address in the other language also if that does not have the page. */
export function useLangs() {
  const { site, localeIndex, page, frontmatter } = useData();
  const linkOf = (key) => (key === 'root' ? '/' : `/${key}/`);
  const currentLang = computed(() => ({
    label: site.value.locales[localeIndex.value]?.label,
    link: linkOf(localeIndex.value),
  }));
  const localeLinks = computed(() =>
    Object.entries(site.value.locales)
      .filter(([key]) => key !== localeIndex.value)
      .map(([key, { label }]) => ({
        text: label,
        link: page.value.isNotFound ? linkOf(key) : frontmatter.value.counterpart,
      })),
  );
  return { localeLinks, currentLang };
}
