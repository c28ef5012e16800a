// The navigation is folded on a narrow screen. Without scripts it is open there, above the page.
const side = document.querySelector('.side');
const narrow = matchMedia('(max-width: 52rem)');
const fold = () => { side.open = !narrow.matches; };
fold();
narrow.addEventListener('change', fold);

// Ctrl-K leads to the search.
addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
    event.preventDefault();
    document.getElementById('q').focus();
  }
});

// What goes on is looked at again, unless the person is in the middle of something.
const going = document.querySelector('[data-reload]');
if (going) {
  const idle = () => document.visibilityState === 'visible' && (document.activeElement === document.body || document.activeElement === null);
  setInterval(() => { if (idle()) location.replace(location.pathname); }, 1000 * going.dataset.reload);
}
