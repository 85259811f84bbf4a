/** Ways over the page: its addresses, the key of the search, the menu of narrow windows. */

/**
 * Goes to what the address names, so that the keyboard and a screen reader go on from there, too.
 * @param {{ clear: () => void }} sidebar
 */
export function arrive(sidebar) {
  const id = location.hash.slice(1);
  const target = id && document.getElementById(id);
  if (!target) return;
  if (target.closest('[hidden]')) sidebar.clear();
  toggleMenu(false);
  const title = document.getElementById(`${id}-title`);
  title?.focus({ preventScroll: true });
  target.scrollIntoView();
}

/** @param {boolean} [open] */
function toggleMenu(open) {
  const menu = document.getElementById('menu');
  const isOpen = open ?? menu?.getAttribute('aria-expanded') !== 'true';
  menu?.setAttribute('aria-expanded', String(isOpen));
  document.body.classList.toggle('menu', isOpen);
  // On a phone the contents cover the page, which must not be reached behind them.
  document.getElementById('content')?.toggleAttribute('inert', isOpen);
}

/** Marks in the contents what is at the top of the window. @param {(id: string) => void} mark */
export function follow(mark) {
  const seen = new Set();
  const watch = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        if (isIntersecting) seen.add(target);
        else seen.delete(target);
      }
      const top = [...seen].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0];
      if (top) mark(top.id);
    },
    { rootMargin: '-10% 0px -75% 0px' },
  );
  for (const entry of document.querySelectorAll('.entry')) watch.observe(entry);
}

/** Keys and the menu of narrow windows. */
export function listen() {
  const menu = document.getElementById('menu');
  const query = document.getElementById('query');
  menu?.addEventListener('click', () => toggleMenu());
  // In a wide window the contents cover nothing.
  matchMedia('(max-width: 46rem)').addEventListener('change', () => toggleMenu(false));
  document.addEventListener('keydown', (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    const isTyping = at.matches('input, textarea, select');
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      if (menu?.checkVisibility()) toggleMenu(true);
      query?.focus();
    } else if (event.key === 'Escape' && document.body.classList.contains('menu') && at !== query) {
      toggleMenu(false);
      menu?.focus();
    }
  });
}
