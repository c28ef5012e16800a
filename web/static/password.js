// Adds a button to each password field that shows what was typed. Without scripts the field just works as it is.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'reveal';
  button.setAttribute('aria-controls', input.id);

  const show = (shown) => {
    input.type = shown ? 'text' : 'password';
    button.textContent = shown ? 'Hide' : 'Show';
    button.setAttribute('aria-label', shown ? 'Hide password' : 'Show password');
  };
  show(false);
  button.addEventListener('click', () => show(input.type === 'password'));
  input.form.addEventListener('submit', () => show(false)); // so that browsers offer to save it

  const frame = document.createElement('div');
  frame.className = 'revealing';
  const focused = document.activeElement === input;
  input.replaceWith(frame);
  frame.append(input, button);
  if (focused || input.autofocus) input.focus();
}
