// The command palette: Ctrl-K opens it, arrows choose, Enter goes there, Escape closes it. Without scripts there is the search.
const palette = document.getElementById('palette');
const input = palette.querySelector('input[name=q]');
const list = palette.querySelector('[role=listbox]');
const status = palette.querySelector('[role=status]');
const patience = 150; // milliseconds after the last key
let timer;
let asked; // the request that is under way
let current = -1; // the place of the option that Enter goes to
let stale = true; // what is shown does not belong to the text
let entered = false; // Enter waits for what belongs to the text

addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key === 'k') {
    event.preventDefault();
    if (palette.open) palette.close();
    else open();
  }
});

function open() {
  input.value = '';
  stale = true;
  entered = false;
  palette.showModal();
  ask();
}

input.addEventListener('input', () => {
  choose(-1);
  stale = true;
  entered = false;
  clearTimeout(timer);
  timer = setTimeout(ask, patience);
});

input.addEventListener('keydown', (event) => {
  const count = list.querySelectorAll('[role=option]').length;
  if (event.isComposing) return;
  if (event.key === 'ArrowDown' && count) choose((current + 1) % count);
  else if (event.key === 'ArrowUp' && count) choose((current + count - 1 + (current < 0)) % count);
  else return;
  event.preventDefault();
});

// Enter with no option searches.
input.form.addEventListener('submit', (event) => {
  if (stale) {
    entered = true;
    clearTimeout(timer);
    ask();
  } else if (current >= 0) go(list.querySelectorAll('[role=option]')[current]);
  else return;
  event.preventDefault();
});

list.addEventListener('click', (event) => {
  const option = event.target.closest('[role=option]');
  if (option) go(option);
});

palette.addEventListener('click', (event) => {
  if (event.target === palette) palette.close(); // outside of what is in it
});

palette.addEventListener('close', () => {
  clearTimeout(timer);
  asked?.abort();
});

function go(option) {
  location.assign(palette.dataset.base + option.dataset.path);
}

// choose makes an option the one that Enter goes to.
function choose(index) {
  const options = list.querySelectorAll('[role=option]');
  options[current]?.setAttribute('aria-selected', 'false');
  current = index;
  const option = options[current];
  if (!option) {
    input.removeAttribute('aria-activedescendant');
    return;
  }
  option.setAttribute('aria-selected', 'true');
  option.scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', option.id);
}

async function ask() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  try {
    const answer = await fetch(palette.dataset.url, { method: 'POST', body: new URLSearchParams(new FormData(input.form)), signal });
    if (!answer.ok || !answer.headers.get('Content-Type').startsWith('application/json')) throw new Error(answer.statusText);
    show(await answer.json());
  } catch (error) {
    if (signal.aborted) return;
    show([]);
    status.textContent = palette.dataset.failed;
  }
}

function show(groups) {
  let n = 0;
  list.replaceChildren(...groups.map(({ title, commands }, at) => {
    const group = element('ul', { role: 'group', 'aria-labelledby': `palette-${at}` });
    group.append(element('li', { id: `palette-${at}`, role: 'presentation', class: 'title' }, title), ...commands.map((c) => {
      const option = element('li', { role: 'option', id: `palette-option-${n++}`, 'aria-selected': 'false', 'data-path': c.path });
      option.append(element('bdi', {}, c.text));
      if (c.about) option.append(element('bdi', { class: 'quiet' }, c.about));
      return option;
    }));
    return group;
  }));
  input.setAttribute('aria-expanded', String(n > 0));
  current = -1;
  choose(n > 0 ? 0 : -1);
  stale = false;
  if (entered) {
    entered = false;
    if (n > 0) go(list.querySelector('[role=option]'));
    else input.form.submit();
  }
  status.textContent = n === 0 ? palette.dataset.none : n === 1 ? palette.dataset.single : palette.dataset.many.replace('%s', n);
}

function element(name, attributes, text) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  if (text) made.textContent = text;
  return made;
}
