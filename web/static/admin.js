// The navigation is folded on a narrow screen. Without scripts it is open there, above the page.
const side = document.querySelector('.side');
const narrow = matchMedia('(max-width: 52rem)');
const fold = () => { side.open = !narrow.matches; };
fold();
narrow.addEventListener('change', fold);

// Screen readers say what comes into a live region, not what is in it from the start. Loading the page again does not say it again.
const toast = document.querySelector('[data-toast]');
if (toast) {
  const address = new URL(location);
  address.searchParams.delete('done');
  address.searchParams.delete('undo');
  history.replaceState(history.state, '', address);
  setTimeout(() => { document.getElementById('live').textContent = toast.textContent; }, 200);
}

// What goes on is looked at again, unless the person is in the middle of something.
const going = document.querySelector('[data-reload]');
if (going) {
  const idle = () => document.visibilityState === 'visible' && (document.activeElement === document.body || document.activeElement === null);
  setInterval(() => { if (idle()) location.replace(location.pathname); }, 1000 * going.dataset.reload);
}

// Rows are chosen one by one without scripts.
const chosen = document.getElementById('choose');
if (chosen) {
  const boxes = [...chosen.elements].filter((e) => e.type === 'checkbox');
  const all = document.createElement('button');
  all.type = 'button';
  all.textContent = chosen.dataset.all;
  all.addEventListener('click', () => {
    const set = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = set;
  });
  chosen.prepend(all);
}
