// Adds a button that copies to each code that is meant to be copied. Without scripts the person selects the text.
const { copyText, copied, selected } = document.querySelector('[data-copied]').dataset;
for (const place of document.querySelectorAll('[data-copy]')) {
  const code = place.querySelector('code');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = copyText;
  button.setAttribute('aria-live', 'polite');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = copied;
    } catch { // not allowed, or no https
      getSelection().selectAllChildren(code);
      button.textContent = selected;
    }
    setTimeout(() => { button.textContent = copyText; }, 2000);
  });
  place.append(button);
}
