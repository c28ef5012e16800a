// Numbers the lines of a text that is code. Without scripts, errors still say which line they are about.
for (const area of document.querySelectorAll('textarea[data-numbered]')) {
  const box = document.createElement('div');
  const numbers = document.createElement('pre');
  box.className = 'numbered';
  numbers.setAttribute('aria-hidden', 'true');
  area.wrap = 'off';
  area.before(box);
  box.append(numbers, area);
  let lines = 0;
  const count = () => {
    const now = area.value.split('\n').length;
    if (now !== lines) {
      lines = now;
      numbers.textContent = Array.from({ length: lines }, (_, i) => i + 1).join('\n');
    }
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener('input', count);
  area.addEventListener('scroll', count);
  count();
}

// A problem leads to its line.
for (const problem of document.querySelectorAll('[data-line]')) {
  problem.addEventListener('click', (event) => {
    const area = document.querySelector(problem.getAttribute('href'));
    const lines = area.value.split('\n');
    const line = Math.min(Number(problem.dataset.line), lines.length);
    const start = lines.slice(0, line - 1).reduce((n, text) => n + text.length + 1, 0);
    event.preventDefault();
    area.focus();
    area.setSelectionRange(start, start + lines[line - 1].length);
    area.scrollTop = (line - 3) * area.scrollHeight / lines.length;
  });
}
